"""Recognises the layout of a folder of images from names alone, and lists its samples. Decodes nothing."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeall.datasets.layouts import LAYOUTS, Layout, LayoutImage
from edgeall.datasets.naming import Contradiction, contradictions, parse_name
from edgeall.errors import DatasetError, UsageError
from edgeall.files import AnyPath
from edgeall.pixels.folder import LeftOut, UnreadableFolder, in_words, list_folder
from edgeall.pixels.formats import READ
from edgeall.pixels.opening import special_file
from edgeall.suggestions import unknown_name

SYNTHETIC_MARK = b"edgeall synthetic smear"
"""Comment inside every image by `synthesize`. `read_dataset` recognises synthetic images by it."""

_POSITIVE_WORDS = {
    "all", "leukemia", "leukaemia", "leukemic", "leukaemic", "blast", "blasts", "lymphoblast", "lymphoblasts",
    "positive", "pos", "malignant", "cancer", "abnormal", "patient", "diseased", "sick", "yes", "true", "1",
}  # fmt: skip
_NEGATIVE_WORDS = {
    "healthy", "normal", "benign", "negative", "neg", "hem", "control", "non", "no", "not", "false", "0",
}  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """One image, not yet decoded.

    Attributes:
        path: of its file.
        name: path relative to the data folder, with forward slashes; its identity.
        label: its class.
        subject: the person that it is from; None where names do not have it.
        split: "train", "val" or "test" where the folder assigns one, else None.
    """

    path: Path
    name: str
    label: str
    subject: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Dataset:
    """A recognised folder of images.

    Attributes:
        root: the folder, absolute.
        layout: name of the layout; ends in " (synthetic)" where edgeall drew the images.
        labels: class names, negative ones first; of two, the second is the positive one.
        positive: the positive labels.
        samples: sorted by name.
        notes: caveats for any figure on this dataset: guesses, and files and images left out.
        left_out: files that are not samples, by name, each with the reason.
        contradictions: images whose file names indicate another class than their folder.
        positive_guessed: whether the positive labels were guessed from the names of the classes.
    """

    root: Path
    layout: str
    labels: tuple[str, ...]
    positive: tuple[str, ...]
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    positive_guessed: bool = False
    left_out: tuple[LeftOut, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()

    def counts(self) -> dict[str, int]:
        """Number of images by label, in the order of `labels`."""
        found = Counter(sample.label for sample in self.samples)
        return {label: found[label] for label in self.labels}


def read_dataset(root: AnyPath, positive: Sequence[str] | None = None) -> Dataset:
    """Recognise the layout of `root` and list its images. `edgeall.pixels.folder` decides which files are images.

    Args:
        positive: the positive labels; default the layout's own, or a guess from the names of the classes.

    Raises:
        DatasetError: no such folder, no images in it, no known layout, one class only, or a class whose name is blank
            or does not print.
        UsageError: `positive` has a class that does not exist, or all of them.
    """
    root = _existing_folder(Path(root))
    names, left_out = _listed(root)
    if not names:
        others = "".join(f"; {line}" for line in in_words(left_out, root))
        raise DatasetError(f"{root}: holds no images ({', '.join(READ)}){others}")
    layout, entries = _recognise(root, names)
    left_out = [each for each in left_out if not layout.is_companion(each.path.relative_to(root).as_posix())]
    left_out += [
        LeftOut(root / name, f"does not fit the layout {layout.name}")
        for name in names
        if name not in entries
    ]
    notes = [*in_words(left_out, root)]
    entries, variant_notes = _one_variant(layout, entries)
    notes += variant_notes
    samples = tuple(
        Sample(root / name, name, entry.label, entry.subject or _subject(name), entry.split)
        for name, entry in entries.items()
    )
    found = sorted({sample.label for sample in samples})
    labels = [label for label in layout.labels.values() if label in found] or found
    _check_printable(root, labels)
    if len(labels) < 2:
        raise DatasetError(
            f"{root}: has one class only, '{labels[0]}' ({len(samples)} images); "
            f"a second one is needed beside it, as in {layout.shape}"
        )
    chosen = _positive_labels(layout, labels, positive)
    guessed = not positive and not layout.positive
    if guessed:
        notes.append(f"positive labels guessed from names: {_quoted(chosen)}; give others with --positive")
    # A layout can leave out files whose name contradicts the folder. Their class is then the folder.
    filed = [(sample.name, sample.label) for sample in samples]
    filed += [(name, Path(name).parent.name) for name in names if name not in entries]
    contradicted = contradictions([each for each in filed if each[1] in labels], labels, chosen)
    notes += [f"warning: {each}" for each in contradicted]
    return Dataset(
        root=root,
        layout=layout.name + (" (synthetic)" if _drawn(samples) else ""),
        labels=(*(label for label in labels if label not in chosen), *chosen),
        positive=tuple(chosen),
        samples=samples,
        notes=tuple(notes),
        positive_guessed=guessed,
        left_out=tuple(left_out),
        contradictions=contradicted,
    )


def _check_printable(root: Path, labels: Sequence[str]) -> None:
    """A model's labels are printable. What training would refuse at its end is refused here."""
    for label in labels:
        if not (label.isprintable() and label.strip()):
            raise DatasetError(
                f"{root}: the class name {label!a} is blank or has characters that do not print; rename its folder"
            )


def _existing_folder(root: Path) -> Path:
    if not root.exists():
        raise DatasetError(
            f"{root}: no such folder; make a synthetic dataset with: edgeall data synth {root}"
        )
    if not root.is_dir():
        raise DatasetError(f"{root}: not a folder; give the folder of the images")
    return root.resolve()


def _positive_labels(layout: Layout, labels: list[str], given: Sequence[str] | None) -> list[str]:
    """The given positive labels, else the layout's, else a guess from names."""
    if given:
        return _validated(given, labels)
    return [label for label in layout.positive if label in labels] or _guess_positive(labels)


def _listed(root: Path) -> tuple[list[str], list[LeftOut]]:
    """Relative names of the images below `root`, and the files left out."""
    names: list[str] = []
    left_out: list[LeftOut] = []
    for found in list_folder(root, stay_within=True):
        if isinstance(found, UnreadableFolder):
            # An error, because its images would be missing in every count.
            raise DatasetError(
                f"{found.path}: cannot be listed ({found.error}); make it readable or move it away"
            )
        if isinstance(found, LeftOut):
            left_out.append(found)
        elif kind := special_file(found.path):
            left_out.append(LeftOut(found.path, f"{kind}, not a regular file"))
        elif not _is_unicode(name := found.path.relative_to(root).as_posix()):
            # Runs, splits and predictions are UTF-8 files, which cannot hold such a name.
            left_out.append(LeftOut(found.path, "its name is not UTF-8; rename it"))
        else:
            names.append(name)
    return sorted(names, key=_natural), left_out


def _is_unicode(name: str) -> bool:
    """Whether a file name can be written as UTF-8. Python represents other bytes as lone surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def _subject(name: str) -> str | None:
    """The person in a file name that follows a published naming, in any folder."""
    parts = parse_name(name)
    return None if parts is None else parts.subject


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key that puts Im2 before Im10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name)]


def _recognise(root: Path, names: list[str]) -> tuple[Layout, dict[str, LayoutImage]]:
    """The first layout that fits more than half of the images, preferably one with two classes or more."""
    fitting = []
    for layout in LAYOUTS:
        entries = {name: entry for name in names if (entry := layout.entry(name)) is not None}
        if any(entry.split for entry in entries.values()):
            # Where a folder assigns parts, images outside of them belong to no part and do not fit.
            entries = {name: entry for name, entry in entries.items() if entry.split}
        if 2 * len(entries) > len(names):
            fitting.append((layout, entries))
    if not fitting:
        shapes = "; ".join(f"{layout.name}: {layout.shape}" for layout in LAYOUTS)
        raise DatasetError(f"{root}: {len(names)} images, in no known layout ({shapes})")
    return max(fitting, key=lambda fit: len({entry.label for entry in fit[1].values()}) > 1)


def _one_variant(layout: Layout, entries: dict[str, LayoutImage]) -> tuple[dict[str, LayoutImage], list[str]]:
    """Only one rendering of each picture, because two of them in two parts of a split would be a leak."""
    variants = {entry.variant for entry in entries.values() if entry.variant}
    if len(variants) < 2:
        return entries, []
    chosen = layout.variant or min(variants)
    kept = {name: entry for name, entry in entries.items() if entry.variant == chosen}
    return kept, [f"only {chosen}/ is read: the other folders show the same {len(kept)} pictures again"]


def _guess_positive(labels: list[str]) -> list[str]:
    words = {label: set(re.findall(r"[a-z]+|[0-9]+", label.lower())) for label in labels}
    healthy = [label for label in labels if words[label] & _NEGATIVE_WORDS]
    positive = [label for label in labels if words[label] & _POSITIVE_WORDS and label not in healthy]
    if positive and len(positive) < len(labels):
        return positive
    rest = [label for label in labels if label not in healthy]
    return rest if healthy and rest else labels[-1:]


def _validated(positive: Sequence[str], labels: list[str]) -> list[str]:
    for label in positive:
        if label not in labels:
            raise unknown_name("class", label, labels)
    if set(positive) == set(labels):
        raise UsageError(f"--positive names every class ({', '.join(labels)}): leave out the negative ones")
    return [label for label in labels if label in positive]


def _drawn(samples: Sequence[Sample]) -> bool:
    """Whether the first image of any class has the mark of a synthetic image."""
    first = {sample.label: sample.path for sample in reversed(samples)}
    return any(carries_mark(path) for path in first.values())


def carries_mark(path: Path) -> bool:
    """Whether an image file has the mark of a synthetic image."""
    try:
        with path.open("rb") as file:
            return SYNTHETIC_MARK in file.read(4096)
    except OSError:
        return False


def _quoted(labels: list[str]) -> str:
    return ", ".join(f"'{label}'" for label in labels)
