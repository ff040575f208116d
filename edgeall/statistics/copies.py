"""Numbering of equal images, so that images can be paired one to one."""

from collections import Counter
from collections.abc import Iterable


def number_copies(keys: Iterable[str]) -> list[tuple[str, int]]:
    """Each key with the number of equal keys before it: "a", "b", "a" gives ("a", 0), ("b", 0), ("a", 1).

    Keys are names or hashes of images. Two lists of images have as many pairs of a key as both have copies of it.
    """
    counts: Counter[str] = Counter()
    numbered = []
    for key in keys:
        numbered.append((key, counts[key]))
        counts[key] += 1
    return numbered
