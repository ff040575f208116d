import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pictures import picture
from PIL import Image, ImageEnhance, ImageOps

from edgeall.datasets import Sample, read_dataset
from edgeall.datasets.duplicates import NEAR, exact_pairs, groups, near_pairs
from edgeall.datasets.survey import ImageRecord, survey


def seen_of(folder: Path, images: list[Image.Image], suffix: str = ".png") -> tuple[ImageRecord, ...]:
    samples = []
    for index, image in enumerate(images):
        path = folder / f"{index}{suffix}"
        image.save(path)
        samples.append(Sample(path, path.name, "a"))
    seen, unreadable = survey(samples)
    assert not unreadable
    return seen


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


COPIES = {
    "re-encoded": lambda image: as_jpeg(image, 50),
    "halved": lambda image: image.resize((image.width // 2, image.height // 2)),
    "stretched": lambda image: image.resize((224, 192), Image.Resampling.BICUBIC),
    "darkened": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "grey": lambda image: image.convert("L"),
    "mirrored": ImageOps.mirror,
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned and mirrored": lambda image: ImageOps.mirror(image.transpose(Image.Transpose.ROTATE_270)),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_changed_copy_is_near_and_other_pictures_are_not(tmp_path: Path, change: str) -> None:
    originals = [picture(seed, (120, 120)) for seed in range(4)]
    seen = seen_of(tmp_path, [*originals, COPIES[change](originals[2])])
    assert near_pairs(seen) == [(2, 4)]
    assert exact_pairs(seen) == []


@pytest.mark.parametrize("change", list(COPIES))
def test_a_changed_copy_of_a_real_cell_is_near(tmp_path: Path, real_data: Path, change: str) -> None:
    cells = sorted((real_data / "cnmc" / "fold_0" / "all").glob("*_4_1*_1_all.jpg"))[:4]
    originals = [Image.open(path).convert("RGB") for path in cells]
    seen = seen_of(tmp_path, [*originals, COPIES[change](originals[0])])
    assert near_pairs(seen) == [(0, 4)]


def test_single_cells_on_black_do_not_chain_into_each_other(real_data: Path) -> None:
    dataset = read_dataset(real_data / "cnmc")
    seen, _ = survey(dataset.samples)
    found = [group for group in groups(len(seen), near_pairs(seen)) if len(group) > 1]
    # The sample holds cells that were photographed twice; never three times, and never in two people.
    assert 10 <= len(found) <= 20
    assert max(len(group) for group in found) == 2
    assert all(seen[a].sample.subject == seen[b].sample.subject for a, b in found)


@pytest.fixture(params=["all entries of bounds", "principal components"])
def bounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As few images are compared, and as many."""
    if request.param == "principal components":
        monkeypatch.setattr("edgeall.datasets.duplicates._SAMPLE", 20)


@pytest.mark.usefixtures("bounds")
def test_pairs_join_what_eight_correlations_of_pixel_differences_find(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    originals = np.stack([image.thumbnail for image in seen_of(tmp_path, [picture(n) for n in range(40)])])
    noise = rng.normal(0, np.linspace(0.5, 12, 40)[:, None, None], originals.shape)
    turned = np.rot90(originals, axes=(1, 2))[:, :, ::-1]
    [record] = seen_of(tmp_path, [picture(0)])
    thumbnails = np.concatenate([originals, turned + noise]).astype(np.float32)
    seen = [replace(record, thumbnail=thumbnail) for thumbnail in thumbnails]
    expected = near_by_pixels(seen)
    assert 5 <= len(expected) <= 35, "some copies are near, others are not"
    assert near_pairs(seen) == expected


@pytest.mark.usefixtures("bounds")
def test_real_cells_are_joined_as_by_eight_correlations(real_data: Path) -> None:
    seen, _ = survey(read_dataset(real_data / "cnmc").samples)
    expected = near_by_pixels(seen)
    assert len(expected) >= 10
    assert groups(len(seen), near_pairs(seen)) == groups(len(seen), expected)


def near_by_pixels(seen: Sequence[ImageRecord]) -> list[tuple[int, int]]:
    thumbnails = np.stack([image.thumbnail for image in seen])
    mirrored = (thumbnails, thumbnails[:, :, ::-1])
    positions = [np.rot90(each, quarters, axes=(1, 2)) for each in mirrored for quarters in range(4)]
    best = np.max([differences(each) @ differences(thumbnails).T for each in positions], axis=0)
    return [(a, b) for a, b in np.argwhere(best >= NEAR).tolist() if a < b]


def differences(thumbnails: np.ndarray) -> np.ndarray:
    count = len(thumbnails)
    parts = [np.diff(thumbnails, axis=axis).reshape(count, -1) for axis in (1, 2)]
    vectors = np.concatenate(parts, axis=1)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_picture_with_many_copies_needs_one_pair_a_copy(tmp_path: Path) -> None:
    original, other = picture(0, (64, 64)), picture(1, (64, 64))
    copies = [ImageEnhance.Brightness(original).enhance(0.7 + 0.01 * step) for step in range(30)]
    seen = seen_of(tmp_path, [other, *copies])
    pairs = near_pairs(seen)
    assert len(pairs) == 29
    assert groups(len(seen), pairs) == [[0], list(range(1, 31))]


def test_a_nearly_flat_picture_is_near_its_copies_and_a_flat_one_is_not(tmp_path: Path) -> None:
    dotted = Image.new("RGB", (64, 64), (100, 100, 100))
    dotted.putpixel((9, 20), (101, 101, 101))
    flat = Image.new("RGB", (64, 64), (100, 100, 100))
    assert near_pairs(seen_of(tmp_path, [dotted, flat, ImageOps.mirror(dotted), flat])) == [(0, 2)]


def test_whole_fields_of_ordinary_smears_are_all_different(real_data: Path) -> None:
    fields = sorted((real_data / "bccd").glob("*.jpg"))[:37]
    seen, _ = survey([Sample(path, path.name, "a") for path in fields])
    assert near_pairs(seen) == []


def test_flat_pictures_are_equal_only_byte_for_byte(tmp_path: Path) -> None:
    black, white = Image.new("RGB", (40, 40)), Image.new("RGB", (40, 40), "white")
    seen = seen_of(tmp_path, [black, white, black])
    assert near_pairs(seen) == []
    assert exact_pairs(seen) == [(0, 2)]


def test_nothing_has_no_duplicates() -> None:
    assert near_pairs([]) == []
    assert groups(0, []) == []


def test_pairs_are_found_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    originals = [picture(seed) for seed in range(7)]
    seen = seen_of(tmp_path, [*originals, ImageOps.mirror(originals[1]), originals[6]])
    whole = near_pairs(seen)
    monkeypatch.setattr("edgeall.datasets.duplicates._BLOCK", 2)
    assert near_pairs(seen) == whole == [(1, 7), (6, 8)]


def test_groups_join_what_pairs_connect() -> None:
    assert groups(6, [(4, 1), (5, 4), (2, 3)]) == [[0], [1, 4, 5], [2, 3]]


def test_a_survey_knows_format_by_content_and_size_as_stored(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    picture(0, (50, 30)).save(path, "PNG")
    (seen,), _ = survey([Sample(path, path.name, "a")])
    assert (seen.format, seen.size) == ("PNG", (50, 30))
    assert seen.thumbnail.shape == (32, 32)
    assert 0 <= float(np.min(seen.thumbnail)) <= float(np.max(seen.thumbnail)) <= 255


def test_a_survey_names_what_it_cannot_read_and_goes_on(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jpg"
    picture(0).save(whole)
    (tmp_path / "half.jpg").write_bytes(whole.read_bytes()[:300])
    (tmp_path / "empty.png").write_bytes(b"")
    names = ("half.jpg", "whole.jpg", "empty.png", "gone.png")
    seen, unreadable = survey([Sample(tmp_path / name, name, "a") for name in names])
    assert [image.sample.name for image in seen] == ["whole.jpg"]
    assert [image.name for image in unreadable] == ["half.jpg", "empty.png", "gone.png"]
    assert "truncated" in unreadable[0].reason.lower()
    assert unreadable[1].reason.startswith("not an image")
    assert unreadable[2].reason == "No such file or directory"
