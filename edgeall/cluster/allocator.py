"""How much freed memory a worker's process keeps."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of `mallopt` (mallopt(3), glibc's malloc.h)."""

KEPT_BYTES = 64 << 20
_OWN_MAPPING_BYTES = 32 << 20
"""glibc's own upper limit of the threshold on 64-bit systems, which it reaches by itself where nothing is set."""


def keep_freed_memory() -> bool:
    """Have this process keep up to `KEPT_BYTES` of freed memory; returns whether its C library can be told so.

    Dask starts workers with a trim threshold of 64 KiB, and glibc then maps each array of more than 128 KiB anew. A
    picture takes a dozen such arrays: their page faults cost a fifth of the time of a small network.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return False
    # mallopt returns 1 on success.
    return bool(mallopt(_TRIM_THRESHOLD, KEPT_BYTES) and mallopt(_MMAP_THRESHOLD, _OWN_MAPPING_BYTES))
