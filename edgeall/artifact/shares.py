"""A share with its interval, as artifacts record it."""

from edgeall.values import dataclass


@dataclass(frozen=True)
class Share:
    """A share in [0, 1] and its 95 % interval.

    Attributes:
        low, high: ends of the interval; None where there is none, as with a single person.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        ends = [end for end in (self.low, self.value, self.high) if end is not None]
        if len(ends) == 2 or ends != sorted(ends) or not 0.0 <= ends[0] <= ends[-1] <= 1.0:
            raise ValueError(f"{self.value} ({self.low} to {self.high}) is no share with an interval")

    @property
    def in_words(self) -> str:
        """As "0.93 (0.81 to 0.98)"."""
        if self.low is None or self.high is None:
            return f"{self.value:.2f} (no interval)"
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"
