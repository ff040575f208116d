"""Learns the decision for a whole person from the verdicts on validation people's cells."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision, PersonCut
from edgeall.statistics.metrics import is_positive, positive_score

LEAST_PEOPLE = 8
"""Validation people of each class that a cut needs.

A new person's share is beyond those of all m validation people of the class with a probability of at most 1 / (m + 1),
if people are drawn alike (Wilks, Ann. Math. Stat. 12, 1941). With 8 that is 1 in 9. It is 1 in 3 with 2, and a model
without any skill separates 2 and 2 people in 1 of 6 cases. 8 people are also what the export gate asks for before its
bounds count people.
"""

LEAST_CELLS = 10
"""Cells with a verdict that a person needs to be learned from.

The 95 % interval of a share of 5 of 10 reaches from .24 to .76; that of fewer cells covers most of the scale.
"""


@dataclass(frozen=True)
class LearnedCut:
    """A cut for people, or the reason why there is none.

    Attributes:
        reason: why there is no cut; empty where there is one.
    """

    cut: PersonCut | None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.cut is None) != bool(self.reason):
            raise ValueError("a cut for people is there, or the reason why not")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: cut, reason."""
        return asdict(self)


@dataclass(frozen=True)
class _Person:
    """Cells of a validation person: positive verdicts, verdicts, and whether the labels are findings."""

    called: int
    cells: int
    findings: frozenset[bool]

    @property
    def share(self) -> float:
        return self.called / self.cells


def learn_person_cut(
    subjects: Sequence[str | None],
    truth: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    decision: Decision,
    grouped_by: str,
) -> LearnedCut:
    """Learn a cut from validation images.

    There is one where `LEAST_PEOPLE` of each class have `LEAST_CELLS` cells or more with a verdict, and the greatest
    share of positive cells of a person without a finding is below the least of those with one.

    The threshold of the verdicts was chosen on the same images, so that people look more separate than new ones are.

    Args:
        subjects: of each image (n,); None where not known.
        truth: class indices into `decision.labels`, (n,).
        probabilities: (n, k), rows add up to 1.
        decision: its verdicts are counted; images in its referral band have none.
        grouped_by: of the split; people of another split than by "subject" may have trained the model.
    """
    reason = _no_people(subjects, grouped_by)
    if reason:
        return LearnedCut(None, reason)
    people = list(_people(subjects, is_positive(truth, decision), probabilities, decision))
    mixed = sum(len(person.findings) > 1 for person in people)
    if mixed:
        mixture = f"{mixed} of {len(people)} validation people have cells of both classes"
        return LearnedCut(None, f"{mixture}: labels are of cells, not of people")
    return _between([person for person in people if person.cells >= LEAST_CELLS], len(subjects))


def _between(people: Sequence[_Person], images: int) -> LearnedCut:
    """The cut between people of the two classes, who have enough cells each."""
    healthy = [person.share for person in people if True not in person.findings]
    ill = [person.share for person in people if True in person.findings]
    if min(len(healthy), len(ill)) < LEAST_PEOPLE:
        return LearnedCut(
            None,
            f"it needs {LEAST_PEOPLE} people without and {LEAST_PEOPLE} with a finding who have {LEAST_CELLS} cells or "
            f"more each; the {images} validation images have {len(healthy)} and {len(ill)}",
        )
    low, high = max(healthy), min(ill)
    if low >= high:
        return LearnedCut(
            None,
            f"validation people overlap: one without a finding has {low:.0%} positive cells, one with a finding "
            f"{high:.0%}",
        )
    return LearnedCut(PersonCut(low, high, len(healthy), len(ill), min(person.cells for person in people)))


def _no_people(subjects: Sequence[str | None], grouped_by: str) -> str:
    """Why validation images tell nothing about new people; empty where they do."""
    if grouped_by == "unknown":
        return "which images trained the model is not known"
    if None in subjects:
        return "people are not known"
    if grouped_by != "subject":
        return "validation people may also have trained the model: its split is not by subject"
    return ""


def _people(
    subjects: Sequence[str | None],
    positive: npt.NDArray[np.bool_],
    probabilities: npt.ArrayLike,
    decision: Decision,
) -> Iterator[_Person]:
    scores = positive_score(probabilities, decision)
    low, high = decision.refer or (1.0, 0.0)
    answered = ~((scores >= low) & (scores < high))
    called = answered & (scores >= decision.threshold)
    names = np.asarray(subjects)
    for name in dict.fromkeys(subjects):
        of = names == name
        yield _Person(int(called[of].sum()), int(answered[of].sum()), frozenset(positive[of].tolist()))
