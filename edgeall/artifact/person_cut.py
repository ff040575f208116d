"""The decision for a whole person from the share of positive cells."""

from typing import Literal

from edgeall.values import dataclass


@dataclass(frozen=True)
class PersonCut:
    """Shares of positive cells that tell people with a finding from others, learned from validation people.

    A person's share is that of the positive verdicts among the cells with a verdict. Referred cells are not counted.

    Attributes:
        low: greatest share of a validation person without a finding, in [0, 1].
        high: least share of one with a finding, in [0, 1], above `low`. No validation person lies between them.
        negative, positive: numbers of validation people without and with a finding.
        least_cells: fewest cells with a verdict that one of these people has.
    """

    low: float
    high: float
    negative: int
    positive: int
    least_cells: int

    def __post_init__(self) -> None:
        if not 0.0 <= self.low < self.high <= 1.0:
            raise ValueError(f"shares {self.low} and {self.high} are no band within 0 and 1")
        if min(self.negative, self.positive, self.least_cells) < 1:
            raise ValueError(
                f"a cut of {self.negative} and {self.positive} people with {self.least_cells} cells"
            )

    def decide(self, positive: int, cells: int) -> Literal["positive", "negative", "refer"]:
        """The decision for a person.

        "negative" up to the share `low`, "positive" from `high` on. "refer" between them, where no validation person
        was, and for fewer cells than `least_cells`, whose share varies more than those that were learned from.

        Args:
            positive: cells with a positive verdict.
            cells: cells with a positive or a negative verdict; referred ones are not counted.

        Raises:
            ValueError: more cells are positive than there are, or a number is negative.
        """
        if not 0 <= positive <= cells:
            raise ValueError(f"{positive} of {cells} cells are positive")
        if cells < self.least_cells:
            return "refer"
        # Equal fractions are equal floats: Python rounds quotients of whole numbers correctly.
        share = positive / cells
        return "negative" if share <= self.low else "positive" if share >= self.high else "refer"

    @property
    def in_words(self) -> str:
        """The rule, the people that it was learned from, and how often it may be wrong, on one line.

        A new person's share is beyond those of m people of the same class with a probability of at most 1 / (m + 1), if
        all are drawn alike. It is "about", because the threshold of the verdicts was chosen on the same people.
        """
        return (
            f"negative up to {self.low:.1%} positive cells, positive from {self.high:.1%}, refer between them and "
            f"below {self.least_cells} cells; learned from {self.negative} validation people without a finding and "
            f"{self.positive} with one: if new people are like these, at most about 1 in {self.negative + 1} without "
            f"and 1 in {self.positive + 1} with a finding is decided wrongly"
        )
