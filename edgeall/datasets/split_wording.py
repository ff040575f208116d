"""How a split was made, in words: one wording for all tables and pages."""

from collections.abc import Iterable

LEAST_STRICT_FIRST = ("unknown", "other", "image", "subject")
"""Values of `grouped_by`. "other" is of a bench: images of another dataset than the run's."""

_KINDS = {"subject": "by subject", "image": "by image: optimistic", "unknown": "not known"}
_CAVEATS = {
    "subject": "No subject is in two parts of the split.",
    "image": "Subjects are not known: the split is by image, and figures are optimistic for new patients.",
    "unknown": "The training images are not known: these images may be among them, and figures optimistic.",
}


def split_kind(grouped_by: str) -> str:
    """The kind of split in a few words, as in "by subject"."""
    return _KINDS.get(grouped_by, _KINDS["image"])


def split_caveat(grouped_by: str) -> str:
    """What the kind of split means for the figures, as a sentence."""
    return _CAVEATS.get(grouped_by, _CAVEATS["image"])


def least_strict(kinds: Iterable[str]) -> str:
    """The least strict kind of split among several; "unknown" where all are."""
    found = set(kinds)
    return next((kind for kind in LEAST_STRICT_FIRST if kind in found), "unknown")
