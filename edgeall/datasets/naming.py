"""What published sets write into file names, whatever the folders are called: the class, and the person."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_FEW = 3


@dataclass(frozen=True)
class Naming:
    """How a published set calls its files.

    Attributes:
        name: of the set.
        pattern: of a whole file name, case ignored, with the group `word` and, where names carry one, `subject`.
        findings: word (lower case) to whether it stands for a finding.
    """

    name: str
    pattern: str
    findings: dict[str, bool]


@dataclass(frozen=True)
class NameParts:
    """What one file name tells: its word for the class, whether that is a finding, the person, and by which naming."""

    word: str
    finding: bool
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


def told_by_name(name: str) -> NameParts | None:
    """What the last part of the path `name` tells; None where it follows no published naming."""
    file = name.rpartition("/")[2]
    for naming in NAMINGS:
        if found := re.fullmatch(naming.pattern, file, re.IGNORECASE):
            groups = found.groupdict()
            word = groups["word"].lower()
            return NameParts(word, naming.findings[word], groups.get("subject"), naming.name)
    return None


@dataclass(frozen=True)
class Contradiction:
    """Images of one class whose names tell another.

    Attributes:
        label: the class that they are filed under.
        word: what their names say instead.
        names: of the images.
        images: how many of the class have names that tell.
        naming: of which published set.
    """

    label: str
    word: str
    names: tuple[str, ...]
    images: int
    naming: str

    def __str__(self) -> str:
        few = ", ".join(self.names[:_FEW]) + (", …" if len(self.names) > _FEW else "")
        return (
            f"{len(self.names)} of {self.images} images in class '{self.label}' have names that say '{self.word}' "
            f"({self.naming}): {few}"
        )


def contradictions(
    samples: Iterable[tuple[str, str]], labels: Sequence[str], positive: Sequence[str]
) -> tuple[Contradiction, ...]:
    """Names against folders: a finding filed under a class without one, or the reverse, or one class under another.

    Args:
        samples: name and label of each image.
    """
    known = {label.lower(): label for label in labels}
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    telling: dict[str, int] = defaultdict(int)
    for name, label in samples:
        told = told_by_name(name)
        if told is None:
            continue
        telling[label] += 1
        if told.finding != (label in positive) or known.get(told.word, label) != label:
            found[label, told.word, told.naming].append(name)
    return tuple(
        Contradiction(label, word, tuple(names), telling[label], naming)
        for (label, word, naming), names in found.items()
    )
