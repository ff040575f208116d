"""A method of making an artifact, and what came of it: the rows of the table in which methods are compared."""

from dataclasses import dataclass
from typing import Any, Literal

from edgeall import documents
from edgeall.artifact import Parity
from edgeall.statistics import LEAST_GAIN

Where = Literal["engine", "simulation"]
NO_IMAGES = "the run's training images are not at hand (say where they are now with --data DIR): left out"
"""Why fine-tuning was not tried."""


@dataclass(frozen=True)
class Speed:
    """Time of one inference beside that of the same format's float32 artifact, on one thread of this machine.

    Attributes:
        ratio, low, high: INT8 over float32, with its 95 % interval: below 1 INT8 is faster.
        processor: on which it was measured; another may differ.
        milliseconds: processor time of one INT8 inference, the median.
    """

    ratio: float
    low: float | None
    high: float | None
    processor: str
    milliseconds: float

    @property
    def worth_it(self) -> bool:
        """Whether INT8 is at least `LEAST_GAIN` times as fast as float32."""
        return self.ratio <= 1 / LEAST_GAIN


@dataclass(frozen=True)
class Attempt:
    """One method of making an artifact.

    Attributes:
        method: the recipe's calibration ("min-max") or precision ("float16"), or one of the INT8 model that formats
            share: "bias-correction", "fine-tuning".
        measured_in: the artifact's own engine; "simulation" where the model that formats share could not be made.
        parity: None where there is nothing to measure: `error` says why.
        seconds: of work; 0 where an earlier export's was taken over.
        size_bytes: of the bare model file.
        speed: beside float32; None where it was not measured.
    """

    method: str
    measured_in: Where
    parity: Parity | None
    seconds: float
    error: str | None = None
    size_bytes: int | None = None
    speed: Speed | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, figures beside the method."""
        figures = {"passed": False} if self.parity is None else documents.plain(self.parity)
        document: dict[str, Any] = {
            "method": self.method,
            "measured_in": self.measured_in,
            "seconds": self.seconds,
            "size_bytes": self.size_bytes,
        } | figures
        document |= {} if self.error is None else {"error": self.error}
        return document | ({} if self.speed is None else {"speed": documents.plain(self.speed)})

    def in_words(self) -> str:
        """One line for the terminal."""
        if self.parity is None:
            return f"{self.method}: {self.error}"
        parity = self.parity
        area = "" if parity.auc_delta is None else f", AUC {parity.auc_delta:+.3f}"
        loss = "" if parity.log_loss_delta is None else f", log-loss {parity.log_loss_delta:+.3f}"
        clear = (
            "" if parity.clear_agreement is None else f", clear verdicts agree {parity.clear_agreement:.1%}"
        )
        return f"{self.method}: {parity.word}{area}{loss}{clear}, {self.seconds:.0f} s"
