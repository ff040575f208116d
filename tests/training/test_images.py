"""Training images are decoded once, and a cache is believed only when it is whole."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from drawn_cells import draw_cells, split_of

from edgeall.errors import DatasetError, ImageError
from edgeall.pixels import read_image
from edgeall.runs import Member
from edgeall.training.image_cache import ImageCache


class Listener:
    """Remembers the stages it was told of."""

    def __init__(self) -> None:
        self.steps: dict[str, int] = {}

    @contextmanager
    def stage(self, title, total):
        self.steps[title] = 0

        def advance(steps: int) -> None:
            self.steps[title] += steps

        yield advance

    def note(self, text: str) -> None:
        pass


def members(root: Path) -> tuple[Member, ...]:
    return split_of(root, 6, 6).train


def test_images_are_those_of_the_one_pixel_path_in_the_order_asked_for(cells: Path) -> None:
    wanted = members(cells)[::-1]
    images = ImageCache(cells, wanted, 32).images(wanted)
    assert len(images) == len(wanted)
    for index, member in enumerate(wanted):
        np.testing.assert_array_equal(images.take([index])[0], read_image(cells / member.name, 32))


def test_a_second_reading_decodes_nothing_even_where_the_images_are_gone(tmp_path: Path) -> None:
    root = draw_cells(tmp_path / "cells", {"healthy": 6, "leukemia": 6})
    wanted = members(root)
    first, second = Listener(), Listener()
    before = ImageCache(root, wanted, 32, first).images(wanted).take(range(12))
    assert first.steps == {"decoding images": 12}
    for member in wanted:
        (root / member.name).unlink()
    again = ImageCache(root, wanted[::-1], 32, second).images(wanted).take(range(12))
    assert second.steps == {}
    np.testing.assert_array_equal(before, again)


@pytest.mark.parametrize("harm", ["truncate", "flip", "no digest"])
def test_a_damaged_cache_is_made_again(cells: Path, cache: Path, harm: str) -> None:
    wanted = members(cells)
    whole = ImageCache(cells, wanted, 32).images(wanted).take(range(len(wanted)))
    (file,) = cache.rglob("*.npy")
    content = bytearray(file.read_bytes())
    if harm == "truncate":
        file.write_bytes(content[:-100])
    elif harm == "flip":
        content[-1] ^= 255
        file.write_bytes(content)
    else:
        file.with_suffix(".sha256").unlink()
    listener = Listener()
    again = ImageCache(cells, wanted, 32, listener).images(wanted).take(range(len(wanted)))
    assert listener.steps == {"decoding images": len(wanted)}
    np.testing.assert_array_equal(whole, again)


def test_sizes_and_sets_do_not_share_a_cache(cells: Path, cache: Path) -> None:
    wanted = members(cells)
    ImageCache(cells, wanted, 32)
    ImageCache(cells, wanted, 40)
    ImageCache(cells, wanted[:3], 32)
    assert len(list(cache.rglob("*.npy"))) == 3


def test_equal_images_of_two_names_are_kept_once(tmp_path: Path) -> None:
    root = draw_cells(tmp_path, {"healthy": 1, "leukemia": 1})
    (root / "healthy" / "copy.png").write_bytes((root / "healthy" / "healthy00.png").read_bytes())
    wanted = split_of(root, 6, 6).train
    images = ImageCache(root, wanted, 32).images(wanted)
    assert images.store.shape[0] == 2
    assert len(images) == 3


def test_what_is_not_the_image_of_the_split_is_refused(tmp_path: Path) -> None:
    root = draw_cells(tmp_path, {"healthy": 3, "leukemia": 3})
    wanted = split_of(root, 6, 6).train
    (root / wanted[0].name).write_bytes((root / wanted[1].name).read_bytes())
    with pytest.raises(DatasetError, match="has changed since the split was made"):
        ImageCache(root, wanted, 32)
    (root / wanted[0].name).unlink()
    with pytest.raises(DatasetError, match="is missing"):
        ImageCache(root, wanted, 32)


def test_a_failed_decoding_leaves_no_cache(tmp_path: Path, cache: Path) -> None:
    root = draw_cells(tmp_path, {"healthy": 3, "leukemia": 3})
    (root / "healthy" / "healthy01.png").write_bytes(b"not an image")
    wanted = split_of(root, 6, 6).train
    with pytest.raises(ImageError):
        ImageCache(root, wanted, 32)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_cache_that_cannot_be_written_is_named(
    cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DatasetError, match="XDG_CACHE_HOME"):
        ImageCache(cells, members(cells), 32)
