"""The result of a search."""

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
        value: what trials are compared by, see `edgeall.tuning.objective.objective`.
        auc, loss: of the kept epoch on validation images; means over folds.
    """

    trial: int
    value: float
    auc: float
    loss: float
    settings: TrainingSettings

    def to_dict(self) -> dict[str, Any]:
        """The document `best.json`."""
        return dataclasses.asdict(self) | {"settings": self.settings.to_dict()}


@dataclass(frozen=True)
class Tuned:
    """A study.

    Attributes:
        finished, pruned, failed: numbers of trials. A trial whose training diverged counts as pruned, a killed one as
            failed. Failed trials are repeated and do not count towards the requested number.
        validation: number of validation images, over all folds.
        grouped_by: as in `edgeall.runs.Split`.
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
        """Number of trials that ended, pruned or not."""
        return self.finished + self.pruned

    @property
    def split(self) -> Path:
        """File of the split, for a training whose test images were not used by the search."""
        return self.path / SPLIT
