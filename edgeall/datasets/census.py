"""Census of a dataset: counts, duplicates, leaks and unreadable images."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from edgeall.datasets import duplicates
from edgeall.datasets.dataset import Dataset
from edgeall.datasets.marks import CornerMark, corner_marks
from edgeall.datasets.survey import ImageRecord, Unreadable, survey
from edgeall.progress import SILENT, Progress


@dataclass(frozen=True)
class SplitLeak:
    """A subject or picture in more than one part of the folder's own split.

    Attributes:
        kind: "subject" or "picture".
        what: the subject, or the names of the images that show one picture.
        splits: the parts that have it.
    """

    kind: str
    what: str
    splits: tuple[str, ...]


@dataclass(frozen=True)
class Census:
    """Counts and findings over a dataset.

    Attributes:
        dataset: its samples include unreadable images.
        classes: number of readable images by label.
        subjects: number of readable images by label and subject; empty where a subject is not known.
        splits: number of readable images by part, where the folder assigns parts.
        resolutions: number of images by (width, height), most frequent first.
        formats: number of images by format (from the content), most frequent first.
        exact_duplicates: groups of names of files with equal bytes.
        near_duplicates: groups of names of different files that show the same picture, with their exact copies.
        conflicts: groups of exact duplicates in more than one class.
        unreadable: images that cannot be read.
        leaks: between parts that the folder assigns.
        unfit: names of images that `classify` would refuse, by reason, the most frequent first.
        marks: corners that differ by class.
        image_notes: number of images by note of the image reader, most frequent first.
    """

    dataset: Dataset
    classes: dict[str, int]
    subjects: dict[str, dict[str, int]]
    splits: dict[str, int]
    resolutions: dict[tuple[int, int], int]
    formats: dict[str, int]
    exact_duplicates: tuple[tuple[str, ...], ...]
    near_duplicates: tuple[tuple[str, ...], ...]
    conflicts: tuple[tuple[str, ...], ...]
    unreadable: tuple[Unreadable, ...]
    leaks: tuple[SplitLeak, ...]
    image_notes: dict[str, int]
    unfit: dict[str, tuple[str, ...]]
    marks: tuple[CornerMark, ...]

    @property
    def sound(self) -> bool:
        """No unreadable image, no leak, no file in two classes, no name that contradicts its folder."""
        return not (self.unreadable or self.leaks or self.conflicts or self.dataset.contradictions)

    def to_dict(self) -> dict[str, Any]:
        """The document of `--json`::

        root, layout, notes: [text], images (readable), sound
        classes: [{label, positive, images, subjects?: {subject: images}}]
        positive_guessed: whether positive labels were guessed from the names of the classes
        grouped_by: "subject" or "image", as in a new split
        splits: {train|val|test: images}, empty where the folder assigns none
        resolutions: [{width, height, images}], formats: {name: images}
        exact_duplicates, near_duplicates, conflicts: [[name, ...], ...]
        image_notes: {text: images}
        contradictions: [{label, word, naming, names: [name, ...]}]
        unfit: {reason: [name, ...]}, marks: [{corner, label, auc, elsewhere}]
        unreadable, left_out: [{name, reason}], leaks: [{kind, what, splits: [part, ...]}]
        """
        return {
            "root": str(self.dataset.root),
            "layout": self.dataset.layout,
            "notes": list(self.dataset.notes),
            "images": sum(self.classes.values()),
            "sound": self.sound,
            "classes": [
                {"label": label, "positive": label in self.dataset.positive, "images": images}
                | ({"subjects": self.subjects[label]} if self.subjects else {})
                for label, images in self.classes.items()
            ],
            "positive_guessed": self.dataset.positive_guessed,
            "grouped_by": "subject" if self.subjects else "image",
            "splits": self.splits,
            "resolutions": [
                {"width": width, "height": height, "images": images}
                for (width, height), images in self.resolutions.items()
            ],
            "formats": self.formats,
            "exact_duplicates": [list(group) for group in self.exact_duplicates],
            "near_duplicates": [list(group) for group in self.near_duplicates],
            "conflicts": [list(group) for group in self.conflicts],
            "image_notes": self.image_notes,
            "contradictions": [
                {"label": each.label, "word": each.word, "naming": each.naming, "names": list(each.names)}
                for each in self.dataset.contradictions
            ],
            "unfit": {reason: list(names) for reason, names in self.unfit.items()},
            "marks": [asdict(mark) for mark in self.marks],
            "unreadable": [{"name": image.name, "reason": image.reason} for image in self.unreadable],
            "left_out": [
                {"name": each.path.relative_to(self.dataset.root).as_posix(), "reason": each.reason}
                for each in self.dataset.left_out
            ],
            "leaks": [
                {"kind": leak.kind, "what": leak.what, "splits": list(leak.splits)} for leak in self.leaks
            ],
        }


def take_census(dataset: Dataset, progress: Progress = SILENT) -> Census:
    """Decode every image once, and count. Unreadable images are no error, even where all are."""
    records, unreadable = survey(dataset.samples, progress)
    exact_pairs = duplicates.exact_pairs(records)
    exact = _copies(records, exact_pairs)
    same_picture = _copies(records, exact_pairs + duplicates.near_pairs(records, progress))
    labels = Counter(image.sample.label for image in records)
    return Census(
        dataset=dataset,
        classes={label: labels[label] for label in dataset.labels},
        subjects=_subjects(dataset, records),
        splits=_in_order(Counter(image.sample.split for image in records if image.sample.split)),
        resolutions=_in_order(Counter(image.size for image in records)),
        formats=_in_order(Counter(image.format for image in records)),
        exact_duplicates=_names(exact),
        near_duplicates=_names(group for group in same_picture if len({image.sha256 for image in group}) > 1),
        conflicts=_names(group for group in exact if len({image.sample.label for image in group}) > 1),
        unreadable=unreadable,
        leaks=(*_subject_leaks(records), *_picture_leaks(same_picture)),
        image_notes=_in_order(Counter(note for image in records for note in image.notes)),
        unfit=_unfit(records),
        marks=corner_marks([image.thumbnail for image in records], [image.sample.label for image in records]),
    )


Group = tuple[ImageRecord, ...]


def _copies(records: Sequence[ImageRecord], pairs: list[duplicates.Pair]) -> list[Group]:
    groups = duplicates.groups(len(records), pairs)
    return [tuple(records[index] for index in group) for group in groups if len(group) > 1]


def _names(groups: Sequence[Group] | Iterator[Group]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(image.sample.name for image in group) for group in groups)


def _subjects(dataset: Dataset, records: Sequence[ImageRecord]) -> dict[str, dict[str, int]]:
    if not records or not all(image.sample.subject for image in records):
        return {}
    return {
        label: _in_order(
            Counter(str(image.sample.subject) for image in records if image.sample.label == label)
        )
        for label in dataset.labels
    }


def _unfit(records: Sequence[ImageRecord]) -> dict[str, tuple[str, ...]]:
    counts = Counter(reason for image in records for reason in image.unfit)
    return {
        reason: tuple(image.sample.name for image in records if reason in image.unfit)
        for reason, _ in counts.most_common()
    }


def _in_order(counts: Counter[Any]) -> dict[Any, int]:
    return dict(counts.most_common())


def _parts(images: Sequence[ImageRecord]) -> tuple[str, ...]:
    return tuple(sorted({image.sample.split for image in images if image.sample.split}))


def _subject_leaks(records: Sequence[ImageRecord]) -> Iterator[SplitLeak]:
    known = sorted(
        (image for image in records if image.sample.subject), key=lambda image: str(image.sample.subject)
    )
    for subject, images in groupby(known, key=lambda image: str(image.sample.subject)):
        if len(parts := _parts(list(images))) > 1:
            yield SplitLeak("subject", subject, parts)


def _picture_leaks(same_picture: Sequence[Group]) -> Iterator[SplitLeak]:
    for group in same_picture:
        if len(parts := _parts(group)) > 1:
            yield SplitLeak("picture", ", ".join(image.sample.name for image in group), parts)
