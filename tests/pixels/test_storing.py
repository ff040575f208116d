"""Many pictures in one .npy file."""

import errno
from pathlib import Path

import numpy as np
import pytest

from edgeall.pixels.storing import write_pixels


def test_a_file_has_the_pictures_in_their_order(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    # One whose memory is in another order.
    write_pixels(tmp_path / "a.npy", images.shape, [images[0], np.asfortranarray(images[1]), images[2]])
    stored = np.load(tmp_path / "a.npy", mmap_mode="r", allow_pickle=False)
    assert stored.dtype == np.uint8
    np.testing.assert_array_equal(stored, images)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_on_a_full_disk_it_raises_an_error() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    with pytest.raises(OSError, match="No space left") as raised:
        write_pixels(Path("/dev/full"), (1, *image.shape), [image])
    assert raised.value.errno == errno.ENOSPC
