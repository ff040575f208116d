"""Images that speak for a whole set."""

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_run import draw, make_run

from edgeall import pixels
from edgeall.errors import ExportError, ImageError, RunError
from edgeall.exporting import calibration_images
from edgeall.runs import Member, Run


def members(**counts: int) -> list[Member]:
    return [Member(f"{label}/{i}.png", f"{label}{i}", label) for label, n in counts.items() for i in range(n)]


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 40), min_size=1),
    st.integers(1, 60),
    st.integers(0, 5),
)
def test_each_label_has_its_share(counts: dict[str, int], count: int, seed: int) -> None:
    everyone = members(**counts)
    chosen = calibration_images.select(everyone, count, seed)
    assert len(set(chosen)) == len(chosen) == min(count, len(everyone))
    got = Counter(member.label for member in chosen)
    if count >= len(counts):
        assert set(got) == set(counts)
        for label, n in counts.items():
            assert abs(got[label] - len(chosen) * n / len(everyone)) <= len(counts)


def test_the_choice_depends_on_the_seed_and_not_on_the_order() -> None:
    everyone = members(a=30, b=30)
    chosen = calibration_images.select(everyone, 10, 0)
    assert calibration_images.select(everyone[::-1], 10, 0) == chosen
    assert calibration_images.select(everyone, 10, 1) != chosen


def test_nothing_to_choose_from_is_an_error() -> None:
    with pytest.raises(ExportError, match="no images"):
        calibration_images.select([], 10, 0)


@pytest.fixture
def drawn(tmp_path: Path) -> Run:
    draw(tmp_path / "data", {"all": 10, "healthy": 10})
    return make_run(tmp_path / "run", tmp_path / "data")


def test_what_a_converter_sees_is_what_a_field_device_sees(drawn: Run, tmp_path: Path) -> None:
    chosen = calibration_images.select(drawn.split.train, 3, 0)
    calibration_images.decode(drawn, "train", chosen, tmp_path / "images.npy")
    tensors = list(calibration_images.stream(tmp_path / "images.npy", drawn.pixels))
    assert [tensor.shape for tensor in tensors] == [(1, 32, 32, 3)] * 3
    for tensor, member in zip(tensors, chosen, strict=True):
        image = pixels.read_image(drawn.data.root / member.name, drawn.pixels.size)
        np.testing.assert_array_equal(tensor[0], drawn.pixels.apply(image))


def test_only_the_chosen_images_need_be_there(drawn: Run, tmp_path: Path) -> None:
    chosen = calibration_images.select(drawn.split.train, 2, 0)
    others = set(drawn.split.train) - set(chosen)
    for member in others:
        (drawn.data.root / member.name).unlink()
    calibration_images.decode(drawn, "train", chosen, tmp_path / "images.npy")
    (drawn.data.root / chosen[0].name).unlink()
    with pytest.raises(RunError, match="--data DIR"):
        calibration_images.decode(drawn, "train", chosen, tmp_path / "images.npy")


def test_data_that_moved_is_found_where_the_user_says(drawn: Run, tmp_path: Path) -> None:
    drawn.data.root.rename(tmp_path / "moved")
    calibration_images.decode(drawn, "train", drawn.split.train, tmp_path / "i.npy", tmp_path / "moved")
    assert len(np.load(tmp_path / "i.npy")) == len(drawn.split.train)


def test_an_image_that_cannot_be_decoded_is_named(drawn: Run, tmp_path: Path) -> None:
    victim = drawn.split.train[0]
    path = drawn.data.root / victim.name
    path.write_bytes(b"no image")
    known = dataclasses.replace(victim, sha256=pixels_sha(path))
    with pytest.raises(ImageError, match=path.name):
        calibration_images.decode(drawn, "train", (*drawn.split.train[1:3], known), tmp_path / "i.npy")
    assert not (tmp_path / "i.npy").exists()


def pixels_sha(path: Path) -> str:
    from edgeall import files

    return files.sha256_file(path)
