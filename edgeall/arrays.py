"""Archives of NumPy arrays (.npz) in the folder of a run, which may come from elsewhere."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall import files

MAX_BYTES = 2 << 30
"""Unpacked. The largest ones are INT8 weights: 140 MB for VGG19 with its dense layers."""


class ArraysError(ValueError):
    """An archive that cannot be read. The message says why, without its path."""


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an archive by name.

    Raises:
        ArraysError: it is missing, damaged, holds Python objects, is larger than `MAX_BYTES`, or lists more than any.
    """
    try:
        # No more is unpacked of a member than the size in the archive's list.
        with files.opened_zip(path) as archive:
            members = archive.infolist()
        size = sum(member.file_size for member in members)
        if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
            raise ArraysError("it is compressed in another way than NumPy does")
        if size > MAX_BYTES:
            raise ArraysError(f"its arrays take {size >> 20} MiB, more than {MAX_BYTES >> 20}")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except OSError as error:
        raise ArraysError(error.strerror or str(error)) from None
    except (
        ValueError,
        KeyError,
        EOFError,
        MemoryError,
        RuntimeError,  # of an archive with a password
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ArraysError(" ".join(str(error).split()) or type(error).__name__) from None
