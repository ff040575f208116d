"""Numbers of answers by decision, for all pictures of a call and for each person or slide."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import field
from pathlib import PurePath
from typing import Any, Literal, get_args

from edgeall.artifact import Metadata
from edgeall.artifact.shares import Share
from edgeall.field.answers import Failed
from edgeall.field.classify import Result
from edgeall.field.sources import Found
from edgeall.field.verdict import OUTCOMES, Outcome, VerdictOutcome
from edgeall.values import dataclass
from edgeall.wilson import wilson

By = Literal["folder", "subject"]
BY: tuple[By, ...] = get_args(By)


@dataclasses.dataclass
class Counts:
    """Numbers of answers by decision.

    Attributes:
        decisions: on pictures, or on the cells of whole fields.
        answered: inputs that were read: pictures or fields, with verdicts or refused.
        unreadable: inputs that could not be read.
        left_out: files in folders that are no images.
    """

    decisions: Counter[Outcome] = field(default_factory=Counter)
    answered: int = 0
    unreadable: int = 0
    left_out: int = 0

    def add(self, result: Result | Failed) -> None:
        if isinstance(result, Failed):
            self.unreadable += 1
        else:
            self.answered += 1
            self.decisions.update(result.decisions)

    @property
    def inputs(self) -> int:
        """Inputs that were read, and those that could not be."""
        return self.answered + self.unreadable

    def to_dict(self) -> dict[str, int]:
        """JSON-ready: positive, negative, refer, refuse, unreadable, left_out."""
        by_decision = {name: self.decisions[name] for name in OUTCOMES}
        return by_decision | {"unreadable": self.unreadable, "left_out": self.left_out}


@dataclass(frozen=True)
class Group:
    """The answers on the pictures of one folder or person.

    Attributes:
        name: of the folder or person; None for pictures whose person is not known.
        share: of positive verdicts among positive and negative ones, with Wilson's interval, which takes cells as
            independent; None where there is none of either.
        decision: by the artifact's cut for a whole person; "refer" where it has none.
        why: the reason for "refer".
    """

    by: By
    name: str | None
    counts: Counts
    share: Share | None
    decision: VerdictOutcome
    why: str | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: by, group, counts, positive_share, decision, why."""
        share = self.share
        return {
            "by": self.by,
            "group": self.name,
            "counts": self.counts.to_dict(),
            "positive_share": None
            if share is None
            else {"value": share.value, "low": share.low, "high": share.high},
            "decision": self.decision,
            "why": self.why,
        }


class Grouping:
    """Collects answers by folder or person."""

    def __init__(self, by: By, metadata: Metadata) -> None:
        self._by, self._metadata = by, metadata
        self._key = _KEYS[by]()
        self._subject = _subject()
        self._counts: dict[str | None, Counts] = {}
        self._people: dict[str | None, set[str]] = defaultdict(set)
        self._forced = set[str | None]()

    def add(self, found: Found, result: Result | Failed) -> None:
        name, person = self._key(found), self._subject(found)
        self._counts.setdefault(name, Counts()).add(result)
        if person is not None:
            self._people[name].add(person)
        if not isinstance(result, Failed) and result.has_doubtful_verdicts:
            self._forced.add(name)

    def groups(self) -> list[Group]:
        """The groups by name; pictures whose person is not known come last."""
        names = sorted(self._counts, key=lambda name: (name is None, name or ""))
        return [self._group(name, self._counts[name]) for name in names]

    def _group(self, name: str | None, counts: Counts) -> Group:
        positive = counts.decisions["positive"]
        cells = positive + counts.decisions["negative"]
        share = Share(positive / cells, *wilson(positive / cells, cells)) if cells else None
        decision, why = self._decision(name, positive, cells)
        return Group(self._by, name, counts, share, decision, why)

    def _decision(self, name: str | None, positive: int, cells: int) -> tuple[VerdictOutcome, str | None]:
        cut = self._metadata.person_cut
        if name is None:
            return "refer", "these pictures are not of one known person"
        if len(self._people[name]) > 1:
            return "refer", f"its pictures are of {len(self._people[name])} people, by their names"
        if name in self._forced:
            return "refer", "some verdicts are on pictures that would be refused (--force)"
        if cut is None:
            reason = self._metadata.no_person_cut
            return (
                "refer",
                f"the artifact has no decision for a whole person{f': {reason}' if reason else ''}",
            )
        if cells < cut.least_cells:
            return "refer", f"too few cells: the decision for a person needs {cut.least_cells}"
        decision = cut.decide(positive, cells)
        return (
            decision,
            "shares between those of people with and without a finding" if decision == "refer" else None,
        )


def folder_of(path: str) -> str:
    """The name of the group of a picture's folder."""
    return str(PurePath(path).parent)


def _folder() -> Callable[[Found], str | None]:
    return lambda found: folder_of(found.path)


def _subject() -> Callable[[Found], str | None]:
    from edgeall.datasets.naming import parse_name

    def subject(found: Found) -> str | None:
        parts = parse_name(PurePath(found.path).name)
        return None if parts is None else parts.subject

    return subject


_KEYS: dict[By, Callable[[], Callable[[Found], str | None]]] = {"folder": _folder, "subject": _subject}
