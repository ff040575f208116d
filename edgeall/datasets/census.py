"""What is in a data set, before anything is trained on it."""

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
    """Something that sits in two parts which the folder itself assigns.

    Attributes:
        kind: "subject" or "picture".
        what: the subject, or the names of the images that show one picture.
        splits: the parts it is in.
    """

    kind: str
    what: str
    splits: tuple[str, ...]


@dataclass(frozen=True)
class Census:
    """Counts and findings over a data set.

    Attributes:
        dataset: what was counted; its samples include unreadable ones.
        classes: readable images a label.
        subjects: label to subject to readable images; empty where subjects are not known for every image.
        splits: part to readable images, where the folder assigns parts.
        resolutions: (width, height) to images, most frequent first.
        formats: by content, most frequent first.
        exact_duplicates: names of files with equal bytes, a group each.
        near_duplicates: names of different files that show the same picture, a group each; exact copies join them.
        conflicts: groups of exact duplicates that are filed under more than one class.
        unreadable: with reasons.
        leaks: between given parts.
        unfit: names of images that `classify` would call doubtful, by its reason, the most frequent first.
        marks: corners that give a class away.
        image_notes: what images' files left open or had ignored, to images, most frequent first.
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
        """Nothing unreadable, no leak, no file under two classes, no name that contradicts its folder."""
        return not (self.unreadable or self.leaks or self.conflicts or self.dataset.contradictions)

    def to_dict(self) -> dict[str, Any]:
        """For `--json`::

        root, layout, notes: [text], images (readable), sound
        classes: [{label, positive, images, subjects?: {subject: images}}]
        positive_guessed: whether the names of the classes had to tell
        grouped_by: "subject" or "image", as a split will be
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
    """Decode every image once and count. A set in which nothing can be read has a census too."""
    seen, unreadable = survey(dataset.samples, progress)
    exact_pairs = duplicates.exact_pairs(seen)
    exact = _copies(seen, exact_pairs)
    same_picture = _copies(seen, exact_pairs + duplicates.near_pairs(seen, progress))
    labels = Counter(image.sample.label for image in seen)
    return Census(
        dataset=dataset,
        classes={label: labels[label] for label in dataset.labels},
        subjects=_subjects(dataset, seen),
        splits=_in_order(Counter(image.sample.split for image in seen if image.sample.split)),
        resolutions=_in_order(Counter(image.size for image in seen)),
        formats=_in_order(Counter(image.format for image in seen)),
        exact_duplicates=_names(exact),
        near_duplicates=_names(group for group in same_picture if len({image.sha256 for image in group}) > 1),
        conflicts=_names(group for group in exact if len({image.sample.label for image in group}) > 1),
        unreadable=unreadable,
        leaks=(*_subject_leaks(seen), *_picture_leaks(same_picture)),
        image_notes=_in_order(Counter(note for image in seen for note in image.notes)),
        unfit=_unfit(seen),
        marks=corner_marks([image.thumbnail for image in seen], [image.sample.label for image in seen]),
    )


Group = tuple[ImageRecord, ...]


def _copies(seen: Sequence[ImageRecord], pairs: list[duplicates.Pair]) -> list[Group]:
    found = duplicates.groups(len(seen), pairs)
    return [tuple(seen[index] for index in group) for group in found if len(group) > 1]


def _names(groups: Sequence[Group] | Iterator[Group]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(image.sample.name for image in group) for group in groups)


def _subjects(dataset: Dataset, seen: Sequence[ImageRecord]) -> dict[str, dict[str, int]]:
    if not seen or not all(image.sample.subject for image in seen):
        return {}
    return {
        label: _in_order(Counter(str(image.sample.subject) for image in seen if image.sample.label == label))
        for label in dataset.labels
    }


def _unfit(seen: Sequence[ImageRecord]) -> dict[str, tuple[str, ...]]:
    counts = Counter(reason for image in seen for reason in image.unfit)
    return {
        reason: tuple(image.sample.name for image in seen if reason in image.unfit)
        for reason, _ in counts.most_common()
    }


def _in_order(counts: Counter[Any]) -> dict[Any, int]:
    return dict(counts.most_common())


def _sides(images: Sequence[ImageRecord]) -> tuple[str, ...]:
    return tuple(sorted({image.sample.split for image in images if image.sample.split}))


def _subject_leaks(seen: Sequence[ImageRecord]) -> Iterator[SplitLeak]:
    known = sorted(
        (image for image in seen if image.sample.subject), key=lambda image: str(image.sample.subject)
    )
    for subject, images in groupby(known, key=lambda image: str(image.sample.subject)):
        if len(sides := _sides(list(images))) > 1:
            yield SplitLeak("subject", subject, sides)


def _picture_leaks(same_picture: Sequence[Group]) -> Iterator[SplitLeak]:
    for group in same_picture:
        if len(sides := _sides(group)) > 1:
            yield SplitLeak("picture", ", ".join(image.sample.name for image in group), sides)
