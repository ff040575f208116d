"""Keeps libtiff, which is part of Pillow, from printing lines of its own about damaged files."""

import ctypes
from contextlib import suppress
from functools import cache
from importlib import import_module


@cache
def silence() -> None:
    """Take away libtiff's handlers of messages; edgeall names each damaged file itself.

    Where Pillow's module does not show libtiff's functions, as on Windows, nothing is done.
    """
    with suppress(ImportError, OSError, AttributeError):
        libtiff = ctypes.CDLL(import_module("PIL._imaging").__file__)
        # TIFFSetErrorHandler(3tiff), TIFFSetWarningHandler(3tiff): NULL for no messages.
        libtiff.TIFFSetErrorHandler(None)
        libtiff.TIFFSetWarningHandler(None)
