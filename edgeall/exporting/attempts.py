"""What was tried to make an artifact that answers as its Keras model does, and what came of it."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from edgeall.artifact import Parity

Where = Literal["engine", "simulation"]
ALL_FALLBACKS = "shared INT8 model"
"""Instead of a method: what all fallbacks begin with could not be made, so none of them was."""
NO_IMAGES = "the run's training images are not at hand (say where they are now with --data DIR): left out"
"""Why fine-tuning was not tried."""


@dataclass(frozen=True)
class Attempt:
    """One method, tried.

    Attributes:
        method: the recipe's calibration ("min-max") or precision ("float16"), one of `recipes.FALLBACKS`
            ("small-layers-0.1" leaves that percentage of the weights in float32), or `ALL_FALLBACKS`.
        measured_in: the artifact's own engine; or the simulation of the INT8 model that all formats share, before
            any of them is written.
        parity: None where there is nothing to measure: `error` says why.
        seconds: of work; 0 where an earlier export's was taken over.
    """

    method: str
    measured_in: Where
    parity: Parity | None
    seconds: float
    error: str | None = None

    @property
    def passed(self) -> bool:
        return self.parity is not None and self.parity.passed

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, figures beside the method."""
        figures = {} if self.parity is None else dataclasses.asdict(self.parity)
        document = {"method": self.method, "measured_in": self.measured_in, "seconds": self.seconds}
        return (
            document | ({"passed": False} | figures) | ({} if self.error is None else {"error": self.error})
        )

    def in_words(self) -> str:
        """One line for the terminal."""
        if self.parity is None:
            return f"{self.method}: {self.error}"
        fall = "" if self.parity.auc_delta is None else f", AUC {self.parity.auc_delta:+.3f}"
        return (
            f"{self.method} ({self.measured_in}): {'passed' if self.passed else 'failed'}, "
            f"mean |Δp| {self.parity.mean_abs_diff:.4f}, decisions agree {self.parity.agreement:.1%}{fall}, "
            f"{self.seconds:.0f} s"
        )
