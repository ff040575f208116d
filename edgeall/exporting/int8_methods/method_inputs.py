"""What every method makes its model from."""

from dataclasses import dataclass

from edgeall.exporting.int8 import TrainingInputs
from edgeall.exporting.recipes import FineTuning
from edgeall.pixels import ByteImage
from edgeall.runs import Run


@dataclass(frozen=True)
class MethodInputs:
    """A run, its images, and the recipe's settings.

    Attributes:
        calibration: RGB bytes (n, size, size, 3) of training images.
        training: labelled images; None where they are not available.
        settings: weight bits of every method, and hyperparameters of those that train.
    """

    run: Run
    calibration: ByteImage
    training: TrainingInputs | None
    settings: FineTuning
