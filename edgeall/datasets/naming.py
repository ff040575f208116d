"""Class and person in file names of published datasets, in any folder."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_FEW = 3


@dataclass(frozen=True)
class Naming:
    """The file naming of a published dataset.

    Attributes:
        name: of the dataset.
        pattern: of a whole file name, case ignored, with the group `word` and, where names have one, `subject`.
        positive: whether a word (lower case) means a positive class.
    """

    name: str
    pattern: str
    positive: dict[str, bool]


@dataclass(frozen=True)
class NameParts:
    """A parsed file name.

    Attributes:
        word: for the class, in lower case.
        positive: whether the word means a positive class.
        naming: name of the dataset whose naming it follows.
    """

    word: str
    positive: bool
    subject: str | None
    naming: str


NAMINGS = (
    Naming("C-NMC", r"UID_(?P<subject>H?\d+)_\d+_\d+_(?P<word>all|hem)\.\w+", {"all": True, "hem": False}),
    Naming("ALL-IDB", r"Im\d{3}_(?P<word>[01])\.\w+", {"1": True, "0": False}),
    Naming(
        "Taleqani",
        r"WBC-(?:Malignant-)?(?P<word>Benign|Early|Pre|Pro)-\d+\.\w+",
        {"benign": False, "early": True, "pre": True, "pro": True},
    ),
)


def parse_name(name: str) -> NameParts | None:
    """Parse the last part of the path `name`; None where it follows no published naming."""
    file = name.rpartition("/")[2]
    for naming in NAMINGS:
        if found := re.fullmatch(naming.pattern, file, re.IGNORECASE):
            groups = found.groupdict()
            word = groups["word"].lower()
            return NameParts(word, naming.positive[word], groups.get("subject"), naming.name)
    return None


@dataclass(frozen=True)
class Contradiction:
    """Images of one class whose names indicate another.

    Attributes:
        label: the class of their folder.
        word: the class in their names.
        names: of the images.
        images: number of images in the folder's class whose names indicate a class.
        naming: name of the dataset whose naming they follow.
    """

    label: str
    word: str
    names: tuple[str, ...]
    images: int
    naming: str

    def __str__(self) -> str:
        few = ", ".join(self.names[:_FEW]) + (", …" if len(self.names) > _FEW else "")
        return (
            f"{len(self.names)} of {self.images} images in class '{self.label}' have names with '{self.word}' "
            f"({self.naming}): {few}"
        )


def contradictions(
    samples: Iterable[tuple[str, str]], labels: Sequence[str], positive: Sequence[str]
) -> tuple[Contradiction, ...]:
    """Images whose names contradict their class: positive against negative, or one known class against another.

    Args:
        samples: name and label of each image.
    """
    known = {label.lower(): label for label in labels}
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    parsed: dict[str, int] = defaultdict(int)
    for name, label in samples:
        parts = parse_name(name)
        if parts is None:
            continue
        parsed[label] += 1
        if parts.positive != (label in positive) or known.get(parts.word, label) != label:
            found[label, parts.word, parts.naming].append(name)
    return tuple(
        Contradiction(label, word, tuple(names), parsed[label], naming)
        for (label, word, naming), names in found.items()
    )
