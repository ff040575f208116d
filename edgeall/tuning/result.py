"""What a search found."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeall.training.settings import TrainingSettings

SPLIT = "split.json"
BEST = "best.json"
TRIALS = "trials.csv"


@dataclass(frozen=True)
class BestTrial:
    """The best trial.

    Attributes:
        value: what trials are compared by, see `edgeall.tuning.objective.score`.
        auc, loss: on validation images, of the epoch that was kept; means over folds.
    """

    trial: int
    value: float
    auc: float
    loss: float
    settings: TrainingSettings

    def to_dict(self) -> dict[str, Any]:
        """As `best.json` has it."""
        return dataclasses.asdict(self) | {"settings": self.settings.to_dict()}


@dataclass(frozen=True)
class Tuned:
    """A study.

    Attributes:
        finished, pruned, failed: numbers of trials. One whose training diverged counts as pruned, one that was
            killed as failed. Those that failed were begun anew, so that only the others make up the number asked for.
        validation: number of images that judged, those of all folds together.
        grouped_by: as of `edgeall.runs.Split`.
    """

    path: Path
    finished: int
    pruned: int
    failed: int
    best: BestTrial
    validation: int
    grouped_by: str

    @property
    def trials(self) -> int:
        """Those that came to an end."""
        return self.finished + self.pruned

    @property
    def split(self) -> Path:
        """File of the split, to train on what was tuned for and to test on what was not seen."""
        return self.path / SPLIT
