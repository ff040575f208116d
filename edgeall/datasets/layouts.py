"""Known folder layouts, as a table. Another layout is another row.

A layout is one or more patterns over an image's path relative to the data folder. Their named groups are

- `label`: the class in the path (required);
- `subject`: the person that the cell is from, where names have one;
- `split`: the part that the folder assigns the image to, where it does;
- `variant`: the rendering of the picture, where there are several.
"""

import re
from dataclasses import dataclass, field

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_SPLIT = rf"(?P<split>{'|'.join(_SPLITS)})"
_ABOVE = r"(?:[^/]+/)*?"


@dataclass(frozen=True)
class LayoutImage:
    """What a layout reads from one path; None where the layout does not have it."""

    label: str
    subject: str | None = None
    split: str | None = None
    variant: str | None = None


@dataclass(frozen=True)
class Layout:
    """One layout of image folders.

    Attributes:
        name: as published.
        shape: description of the folder, for messages.
        patterns: of a whole relative path, as above; the first match counts, case is ignored.
        labels: names of the classes by their word in the path (lower case), healthy first. Empty: folders are classes.
        positive: names of the positive classes. Empty: guessed from the names.
        variant: the rendering that is read where a folder has several.
        companions: pattern of other files that are published with the images; they are left out without a note.
    """

    name: str
    shape: str
    patterns: tuple[str, ...]
    labels: dict[str, str] = field(default_factory=dict)
    positive: tuple[str, ...] = ()
    variant: str | None = None
    companions: str | None = None

    def is_companion(self, name: str) -> bool:
        """Whether the path `name` is of a file that is published with the images."""
        return self.companions is not None and bool(re.fullmatch(self.companions, name, re.IGNORECASE))

    def entry(self, name: str) -> LayoutImage | None:
        """What the path `name` means in this layout; None where it does not match."""
        matches = (re.fullmatch(pattern, name, re.IGNORECASE) for pattern in self.patterns)
        found = next(filter(None, matches), None)
        if found is None:
            return None
        groups = found.groupdict()
        split, variant = groups.get("split"), groups.get("variant")
        return LayoutImage(
            label=self.labels.get(groups["label"].lower(), groups["label"]),
            subject=groups.get("subject"),
            split=_SPLITS[split.lower()] if split else None,
            variant=variant.capitalize() if variant else None,
        )


LAYOUTS = (
    Layout(
        name="ALL-IDB1",
        shape="im/ImNNN_Y.jpg (Y = 1 ALL, 0 healthy) beside xyc/",
        patterns=(r"(?:[^/]+/)?im/Im\d+_(?P<label>[01])\.\w+", r"Im\d+_(?P<label>[01])\.jpe?g"),
        labels={"0": "healthy", "1": "ALL"},
        positive=("ALL",),
        companions=r"(?:[^/]+/)?(?:xyc/[^/]+\.xyc|README\.txt)",
    ),
    Layout(
        name="ALL-IDB2",
        shape="img/ImNNN_Y.tif (Y = 1 ALL, 0 healthy)",
        patterns=(r"(?:(?:[^/]+/)?img/)?Im\d+_(?P<label>[01])\.\w+",),
        labels={"0": "healthy", "1": "ALL"},
        positive=("ALL",),
        companions=r"(?:[^/]+/)?README\.txt",
    ),
    Layout(
        name="C-NMC",
        shape="fold_K/{all,hem}/UID_SUBJECT_IMAGE_CELL_CLASS.{bmp,jpg}",
        patterns=(
            rf"{_ABOVE}(?:{_SPLIT}/)?(?:fold_\d+/)?(?P<label>all|hem)/"
            r"UID_(?P<subject>H?\d+)_\d+_\d+_(?P=label)\.\w+",
        ),
        labels={"hem": "hem", "all": "all"},
        positive=("all",),
    ),
    Layout(
        name="Taleqani",
        shape="{Original,Segmented}/{Benign,Early,Pre,Pro}/*.jpg",
        patterns=(rf"{_ABOVE}(?P<variant>Original|Segmented)/(?P<label>Benign|Early|Pre|Pro)/[^/]+",),
        labels={"benign": "Benign", "early": "Early", "pre": "Pre", "pro": "Pro"},
        positive=("Early", "Pre", "Pro"),
        variant="Original",
    ),
    Layout(
        name="image folder",
        shape="CLASS/*.{jpg,png,tif,...} or {train,val,test}/CLASS/*",
        patterns=(
            rf"{_SPLIT}/(?P<label>[^/]+)/[^/]+",
            rf"(?!(?:{'|'.join(_SPLITS)})/)(?P<label>[^/]+)/[^/]+",
        ),
    ),
)
