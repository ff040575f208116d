"""Splits into train, val and test: by subject where subjects are known, and never with one picture in two parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeall.datasets import duplicates
from edgeall.datasets.allocation import allocate
from edgeall.datasets.dataset import Dataset
from edgeall.datasets.survey import ImageRecord, Unreadable, survey
from edgeall.errors import DatasetError, UsageError
from edgeall.progress import SILENT, Progress
from edgeall.runs import PARTS, Member, Split

FRACTIONS = (0.6, 0.2, 0.2)
"""Default shares of train, val and test."""


def make_split(
    dataset: Dataset,
    *,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    keep_given: bool = True,
    progress: Progress = SILENT,
) -> tuple[Split, tuple[Unreadable, ...]]:
    """Split a dataset into train, val and test, stratified by class. Decodes each image once.

    All images of a subject are in one part where every sample has a subject (grouped by "subject"); otherwise images
    are split individually ("image"). Images that show the same picture are always in one part. The same dataset,
    fractions and seed give the same split. With few subjects the nearest achievable sizes are taken, and the seed only
    chooses among equally near ones.

    Args:
        fractions: shares of train, val and test, scaled to add up to 1; only val's can be 0.
        keep_given: keep the parts that the folder itself assigns; a missing part is taken from its train.

    Returns:
        The split, with members sorted by name, and the unreadable images, which are in no part.

    Raises:
        DatasetError: too few images or subjects of a class, or the given parts share a subject or a picture.
        UsageError: invalid fractions, or a negative seed.
    """
    _check(fractions)
    _check_seed(seed)
    pool = _Pool.of(dataset, *survey(dataset.samples, progress), progress)
    given = keep_given and all(image.sample.split for image in pool.records)
    shares = np.asarray(fractions, dtype=np.float64)
    parts = pool.given(shares, seed, progress) if given else pool.allocated(shares, PARTS, seed)
    return pool.split(parts), pool.unreadable


def make_folds(
    dataset: Dataset, k: int, *, seed: int = 0, val: float = 0.25, progress: Progress = SILENT
) -> tuple[tuple[Split, ...], tuple[Unreadable, ...]]:
    """`k` splits whose disjoint test parts cover the dataset; grouped and stratified as in `make_split`.

    Parts that the folder assigns are ignored.

    Args:
        val: share of the images outside of the test part, for validation.

    Raises:
        DatasetError: a class has fewer than `k` groups, or a fold leaves fewer than two.
        UsageError: `k` is less than 2, `val` not within 0 and 1, or a negative seed.
    """
    _check_seed(seed)
    if k < 2:
        raise UsageError(f"{k} folds make no cross-validation: give 2 or more")
    if not 0.0 <= val < 1.0:
        raise UsageError(f"a validation share of {val} is not within 0 and 1")
    pool = _Pool.of(dataset, *survey(dataset.samples, progress), progress)
    tests = pool.allocated(np.ones(k), [f"fold {fold + 1}" for fold in range(k)], seed)
    shares = np.array([1.0 - val, val])
    splits = []
    for fold in range(k):
        rest = np.flatnonzero(tests != fold)
        parts = np.full(len(pool.groups), PARTS.index("test"))
        parts[rest] = pool.allocated(shares, PARTS[:2], seed, rest)
        splits.append(pool.split(parts))
    return tuple(splits), pool.unreadable


Parts = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Pool:
    """The readable images of a dataset, in groups that must stay in one part.

    Attributes:
        groups: indices into `records`.
        counts: images of each group and label, (groups, labels).
    """

    dataset: Dataset
    records: tuple[ImageRecord, ...]
    unreadable: tuple[Unreadable, ...]
    grouped_by: str
    groups: list[list[int]]
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        records: tuple[ImageRecord, ...],
        unreadable: tuple[Unreadable, ...],
        progress: Progress,
    ) -> "_Pool":
        lost = f" ({len(unreadable)} cannot be read, the first: {unreadable[0].name})" if unreadable else ""
        present = {image.sample.label for image in records}
        if missing := [label for label in dataset.labels if label not in present]:
            raise DatasetError(f"{dataset.root}: no readable image of class '{missing[0]}'{lost}")
        by_subject = all(image.sample.subject for image in records)
        pairs = duplicates.exact_pairs(records) + duplicates.near_pairs(records, progress)
        if by_subject:
            first: dict[str | None, int] = {}
            pairs += [
                (first.setdefault(image.sample.subject, index), index) for index, image in enumerate(records)
            ]
        groups = duplicates.groups(len(records), pairs)
        counts = np.zeros((len(groups), len(dataset.labels)), dtype=np.int64)
        for group, members in enumerate(groups):
            for index in members:
                counts[group, dataset.labels.index(records[index].sample.label)] += 1
        return cls(dataset, records, unreadable, "subject" if by_subject else "image", groups, counts)

    def allocated(
        self, shares: npt.NDArray[np.float64], names: Sequence[str], seed: int, among: Parts | None = None
    ) -> Parts:
        """The part of each group (of those `among`): an index into `names`. Parts with a share of 0 stay empty."""
        counts = self.counts if among is None else self.counts[among]
        nonempty = np.flatnonzero(shares)
        needed = [names[part] for part in nonempty.tolist()]
        for label, available in zip(self.dataset.labels, np.count_nonzero(counts, axis=0), strict=True):
            if available < len(needed):
                raise self._too_few(label, int(available), needed)
        try:
            return np.asarray(nonempty[allocate(counts, shares[nonempty], np.random.default_rng(seed))])
        except DatasetError as error:
            raise DatasetError(f"{self.dataset.root}: {error}; add images, or make fewer parts") from None

    def _too_few(self, label: str, available: int, needed: Sequence[str]) -> DatasetError:
        unit = "subjects" if self.grouped_by == "subject" else "different images"
        parts = f"{', '.join(needed[:-1])} and {needed[-1]}"
        return DatasetError(
            f"{self.dataset.root}: class '{label}' has {available} {unit}, but {parts} need one each: "
            f"add {unit}, or make fewer parts"
        )

    def given(self, shares: npt.NDArray[np.float64], seed: int, progress: Progress) -> Parts:
        """The parts that the folder assigns; missing ones are taken from its train."""
        assigned = [{self.records[index].sample.split for index in members} for members in self.groups]
        for group, names_of_parts in enumerate(assigned):
            if len(names_of_parts) > 1:
                raise self._leak(group)
        parts = np.array([PARTS.index(str(next(iter(one)))) for one in assigned], dtype=np.intp)
        train = PARTS.index("train")
        lacking: list[int] = [part for part in np.flatnonzero(shares).tolist() if part not in parts]
        if train in lacking:
            raise DatasetError(
                f"{self.dataset.root}: has no train folder beside its others; make a new split with: "
                f"edgeall data split --resplit {self.dataset.root}"
            )
        if lacking:
            names = " and ".join(PARTS[part] for part in lacking)
            progress.note(f"the folder assigns no {names}: taken from its train")
            own = np.flatnonzero(parts == train)
            open_shares = np.where(np.isin(np.arange(len(PARTS)), [train, *lacking]), shares, 0.0)
            parts[own] = self.allocated(open_shares, PARTS, seed, own)
        for part in np.unique(parts):
            held = self.counts[parts == part].sum(axis=0)
            if not held.all():
                label = self.dataset.labels[int(np.argmin(held))]
                raise DatasetError(
                    f"{self.dataset.root}: its {PARTS[part]} folder has no readable '{label}' image"
                )
        return parts

    def _leak(self, group: int) -> DatasetError:
        """An error that names two members of one group in two parts."""
        a = self.records[self.groups[group][0]].sample
        b = next(s for index in self.groups[group] if (s := self.records[index].sample).split != a.split)
        same = (
            f"subject {a.subject}" if self.grouped_by == "subject" and a.subject == b.subject else "picture"
        )
        return DatasetError(
            f"{self.dataset.root}: its {a.split} and {b.split} folders share one {same} ({a.name}, {b.name}); see all "
            f"with: edgeall data check {self.dataset.root}; make a new split with: edgeall data split --resplit"
        )

    def split(self, parts: Parts) -> Split:
        members: dict[str, list[tuple[int, Member]]] = {part: [] for part in PARTS}
        for part, group in zip(parts, self.groups, strict=True):
            for index in group:
                image = self.records[index]
                member = Member(image.sample.name, image.sha256, image.sample.label, image.sample.subject)
                members[PARTS[part]].append((index, member))
        # Samples are sorted by name, so sorting by index sorts by name.
        ordered = {part: tuple(member for _, member in sorted(found)) for part, found in members.items()}
        return Split(**ordered, grouped_by=self.grouped_by)


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise UsageError(f"seed {seed}: give 0 or more")


def _check(fractions: Sequence[float]) -> None:
    if len(fractions) != len(PARTS) or not all(0.0 <= share < float("inf") for share in fractions):
        raise UsageError(f"fractions {tuple(fractions)} are not three shares, of train, val and test")
    if not (fractions[0] and fractions[2]):
        raise UsageError("train and test need a share above 0; only val's can be 0")
