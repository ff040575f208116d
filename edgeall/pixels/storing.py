"""Pixels of many pictures in one .npy file, which can be mapped into memory."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edgeall.pixels.mapping import ByteImage


def write_pixels(path: Path, shape: tuple[int, ...], images: Iterable[ByteImage]) -> None:
    """Write uint8 `images`, whose shapes are `shape[1:]`, as a .npy file of `shape`.

    They are written one after the other: on a full disk a write raises an error, whereas a memory map kills the
    process (SIGBUS).

    Raises:
        OSError: they cannot be written.
    """
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for image in images:
            file.write(np.ascontiguousarray(image).data)
