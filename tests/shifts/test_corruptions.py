"""Eight corruptions at five strengths: the same pixels for everybody, more change with strength, black that stays."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from edgeall.shifts import changes
from edgeall.shifts.corruptions import (
    CHANGES,
    CORRUPTIONS,
    STRENGTHS,
    UNCHANGED,
    Draws,
    corrupted,
    identity,
    parts,
)

SIZE = 96
SHA256 = hashlib.sha256(b"an image").hexdigest()


def field(size=SIZE):
    """A purple cell on a pale field of pale discs, (size, size, 3) uint8."""
    rows, columns = np.mgrid[:size, :size] * 96 // size
    discs = ((rows % 32 - 16) ** 2 + (columns % 32 - 16) ** 2 < 120)[..., None]
    cell = ((rows - 48) ** 2 + (columns - 48) ** 2 < 500)[..., None]
    texture = ((rows * 7 + columns * 13 + rows * columns) % 16)[..., None]
    picture = np.where(cell, (110, 60, 140), np.where(discs, (225, 180, 190), (235, 228, 232)))
    return (picture + texture).astype(np.uint8)


def cut_out(size=SIZE):
    """The cell alone, on black with what JPEG leaves of black."""
    rows, columns = np.mgrid[:size, :size] * 96 // size
    inside = ((rows - 48) ** 2 + (columns - 48) ** 2 < 700)[..., None]
    return np.where(inside, field(size), ((rows + columns) % 5)[..., None]).astype(np.uint8)


def difference(a, b):
    return float(np.abs(a.astype(int) - b).mean())


def test_there_are_eight_kinds_of_five_strengths_and_the_unchanged():
    assert len(CORRUPTIONS) == 8
    assert len(CHANGES) == len(set(CHANGES)) == 41
    assert parts("jpeg 4") == ("jpeg", 4)
    assert parts(UNCHANGED) == (UNCHANGED, 0)


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_image_gives_the_same_pixels_and_a_copy(change):
    picture = field()
    picture.flags.writeable = False
    found = corrupted(picture, change, SHA256)
    assert found.shape == picture.shape
    assert found.dtype == np.uint8
    assert not np.shares_memory(found, picture)
    assert np.array_equal(found, corrupted(picture, change, SHA256))
    assert (difference(found, picture) == 0) == (change == UNCHANGED)


@pytest.mark.parametrize("picture", [field(), cut_out()], ids=["field", "cut out"])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_greater_strength_changes_more(name, picture):
    away = [difference(corrupted(picture, f"{name} {s}", SHA256), picture) for s in STRENGTHS]
    assert away == sorted(away)
    assert len(set(away)) == len(away)


@pytest.mark.parametrize("name", [name for name in CORRUPTIONS if name != "scale"])
def test_what_was_cut_away_stays_as_it_is(name):
    picture = cut_out()
    black = picture.max(axis=2) <= changes.CUT_AWAY
    assert 0.5 < black.mean() < 0.9
    for strength in STRENGTHS:
        assert np.array_equal(corrupted(picture, f"{name} {strength}", SHA256)[black], picture[black])


@pytest.mark.parametrize("name", ["defocus", "motion"])
def test_black_does_not_leak_into_an_even_cell(name):
    picture = np.where(cut_out().max(axis=2, keepdims=True) > changes.CUT_AWAY, (110, 60, 140), 0)
    assert np.array_equal(corrupted(picture.astype(np.uint8), f"{name} 5", SHA256), picture)


@pytest.mark.parametrize("name", ["stain", "motion", "gradient", "exposure", "noise"])
def test_what_is_drawn_differs_between_images(name):
    seen = {
        corrupted(field(), f"{name} 3", hashlib.sha256(bytes([number])).hexdigest()).tobytes()
        for number in range(12)
    }
    assert len(seen) > 1


def test_a_disc_keeps_light_and_has_its_radius():
    point = np.full((224, 224, 3), 20, np.uint8)
    point[110:114, 110:114] = 250
    spread = changes.defocus(point, 6).astype(float) - 20
    assert spread[..., 0].sum() == pytest.approx(16 * 230, rel=0.03)
    assert np.ptp(np.flatnonzero(spread[..., 0].any(axis=0))) == pytest.approx(2 * 6 + 3, abs=2)


@pytest.mark.parametrize("change", ["defocus 5", "motion 5", "gradient 3"])
def test_a_change_is_the_same_at_another_size_of_the_square(change):
    """Strengths are stated for 224 pixels: a smaller square is changed as much, seen at one size."""
    small, large = (
        Image.fromarray(corrupted(field(size), change, SHA256)).resize((48, 48), Image.Resampling.BOX)
        for size in (96, 192)
    )
    plain = np.asarray(Image.fromarray(field()).resize((48, 48), Image.Resampling.BOX))
    apart = difference(np.asarray(small), np.asarray(large))
    assert 3 * apart < difference(np.asarray(small), plain)


def test_a_trail_is_drawn_out_on_one_side():
    point = np.full((224, 224, 3), 20, np.uint8)
    point[112, 112] = 250
    columns = np.flatnonzero((changes.motion(point, 10, 9, direction=0.0) > 20).any(axis=(0, 2)))
    assert (columns.min(), columns.max()) == (112, 112 + 20)


def test_noise_is_normal_and_of_its_deviation():
    numbers = Draws("noise", SHA256).normal(300, 300)
    assert numbers.mean() == pytest.approx(0, abs=0.01)
    assert numbers.std() == pytest.approx(1, abs=0.01)
    assert np.quantile(numbers, 0.975) == pytest.approx(1.96, abs=0.02)
    grey = np.full((224, 224, 3), 128, np.uint8)
    assert changes.noise(grey, 0.04, Draws("noise", SHA256).normal(*grey.shape)).std() == pytest.approx(
        0.04 * 255, rel=0.02
    )


def test_light_falls_evenly_across_the_picture():
    grey = np.full((101, 101, 3), 200, np.uint8)
    row = changes.gradient(grey, 0.5, direction=0.0)[50, :, 0]
    assert (row[0], row[50], row[100]) == (200, 150, 100)
    assert (changes.gradient(grey, 0.5, direction=0.25)[:, 50, 0] == row).all()


DIGESTS = {
    "stain 3": "a947f7295d3c351c",
    "defocus 3": "0ca77bf9159bddc0",
    "motion 3": "64bbf2678b558344",
    "gradient 3": "7a7fffb28fd63bc1",
    "exposure 3": "8c6750d93c46f2e1",
    "jpeg 3": "050f4b1a2113e08c",
    "noise 3": "65809bc4d823380c",
    "scale 3": "8b104e655f7b127d",
}
"""Beginnings of SHA-256 of the changed `field`: figures of other machines, and earlier ones, rest on these bytes. Where
they change, `_REVISION` has to."""


@pytest.mark.parametrize("change", DIGESTS)
def test_every_machine_gives_these_bytes(change):
    digest = hashlib.sha256(corrupted(field(), change, SHA256).tobytes()).hexdigest()[:16]
    assert digest == DIGESTS[change]


def test_a_process_of_its_own_gives_them_too():
    program = (
        "import hashlib, numpy as np; from edgeall.shifts.corruptions import corrupted; "
        "picture = np.full((32, 32, 3), 128, np.uint8); "
        f"print(hashlib.sha256(corrupted(picture, 'noise 2', '{SHA256}').tobytes()).hexdigest())"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    picture = np.full((32, 32, 3), 128, np.uint8)
    assert told.strip() == hashlib.sha256(corrupted(picture, "noise 2", SHA256).tobytes()).hexdigest()


def test_a_record_is_known_by_what_was_done():
    every = [str(identity(change)) for change in CHANGES]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_strength_is_told_in_words(name):
    corruption = CORRUPTIONS[name]
    words = [corruption.in_words(strength) for strength in STRENGTHS]
    assert len(set(words)) == 5
    assert not any("{" in word for word in words)
    assert corruption.source
