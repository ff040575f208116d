"""What a model answered to a few drawn pictures when its artifact was made."""

import re

from edgeall.values import dataclass

_SHA256 = re.compile("[0-9a-f]{64}")
_MOST_PICTURES, _MOST_CLASSES, _LARGEST_SEED = 16, 1000, (1 << 31) - 1


@dataclass(frozen=True)
class Golden:
    """Golden answers: class probabilities of drawn pictures, by the artifact's own engine.

    `edgeall.golden` draws the pictures and compares. An answer is right within either of the two tolerances.

    Attributes:
        revision: of the drawing, `edgeall.golden.checkable.REVISION`.
        seeds: one a picture.
        pictures: hexadecimal SHA-256 over the bytes of the pictures at the model's size.
        probabilities: (pictures, classes), rounded to 7 decimals.
        logit_tolerance: difference of log-odds that is still right.
        probability_tolerance: difference of a probability that is still right.
        engine, version: that gave the answers; the engine's Python distribution.
        processor: that gave them, in words.
    """

    revision: int
    seeds: tuple[int, ...]
    pictures: str
    probabilities: tuple[tuple[float, ...], ...]
    logit_tolerance: float
    probability_tolerance: float
    engine: str
    version: str
    processor: str

    def __post_init__(self) -> None:
        if self.revision < 1:
            raise ValueError(f"golden revision {self.revision}")
        if not 1 <= len(self.seeds) <= _MOST_PICTURES or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"golden answers need 1 to {_MOST_PICTURES} different seeds")
        if not all(0 <= seed <= _LARGEST_SEED for seed in self.seeds):
            raise ValueError(f"golden seeds {self.seeds} are not within 0 and {_LARGEST_SEED}")
        if not _SHA256.fullmatch(self.pictures):
            raise ValueError("golden pictures are named by a hexadecimal SHA-256")
        classes = {len(row) for row in self.probabilities}
        if len(self.probabilities) != len(self.seeds) or len(classes) != 1:
            raise ValueError("golden probabilities are not a row of equal length for each seed")
        if not 2 <= classes.pop() <= _MOST_CLASSES:
            raise ValueError(f"golden probabilities are of 2 to {_MOST_CLASSES} classes")
        if not all(0.0 <= value <= 1.0 for row in self.probabilities for value in row):
            raise ValueError("golden probabilities are not within 0 and 1")
        if not (0.0 < self.logit_tolerance <= 10.0 and 0.0 < self.probability_tolerance <= 1.0):
            raise ValueError("golden tolerances are not above 0, or too large")
