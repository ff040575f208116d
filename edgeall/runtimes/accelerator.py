"""Where an engine computes when that is not the processor, as a value that profiles and plans carry."""

from edgeall.errors import EngineError
from edgeall.values import dataclass


@dataclass(frozen=True)
class Accelerator:
    """A place that an engine is asked to compute on, and nowhere else.

    Attributes:
        provider: the engine's own name of it: ONNX Runtime's execution provider ("CUDAExecutionProvider",
            "TensorrtExecutionProvider"), OpenVINO's device ("GPU").
        device: which one, where a machine has several; counted from 0.
    """

    provider: str
    device: int = 0

    def __str__(self) -> str:
        return f"{self.provider}:{self.device}" if self.device else self.provider


class AcceleratorError(EngineError):
    """What was asked for is not there, or did not take the whole model: nothing else may run in its place."""
