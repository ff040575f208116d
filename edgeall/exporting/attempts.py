"""The table of methods that were compared for an artifact: one row a method."""

from dataclasses import dataclass
from typing import Any, Literal

from edgeall import documents
from edgeall.artifact import Parity
from edgeall.statistics import LEAST_GAIN

Where = Literal["engine", "simulation"]
NO_IMAGES = "the run's training images are not at hand (say where they are now with --data DIR): left out"
"""Error of methods that train, without training images. Manifests keep it: `export_plan` retries these methods."""


@dataclass(frozen=True)
class Speed:
    """Time of one inference relative to the same format's float32 artifact, on one thread of this machine.

    Attributes:
        ratio, low, high: INT8 over float32 with its 95 % interval. Below 1 INT8 is faster.
        processor: name of the processor on which it was measured.
        milliseconds: median processor time of one INT8 inference.
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
    """One method and its result.

    Attributes:
        method: the recipe's calibration ("min-max") or precision ("float16"), or a name in
            `int8_methods.METHODS`.
        measured_in: "engine": the artifact's own; "simulation" where the shared model could not be made.
        parity: None where no artifact could be made; `error` has the reason.
        seconds: of conversion and evaluation.
        size_bytes: size of the bare model.
        speed: None where it was not measured.
    """

    method: str
    measured_in: Where
    parity: Parity | None
    seconds: float
    error: str | None = None
    size_bytes: int | None = None
    speed: Speed | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, with the figures of `parity` at the top level."""
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
