"""Errors that a user can cause and correct.

Every message is a single line with the cause and a remedy. The command line prints it and exits with `exit_status`.
An `OSError` and a lack of memory are one line too. Any other exception is a bug, and appears with its traceback.
"""


class EdgeallError(Exception):
    """Base of all errors that a user can cause and correct."""

    exit_status = 2


class UsageError(EdgeallError):
    """Invalid arguments: an unknown name, a contradiction, a missing argument."""


class FileError(EdgeallError):
    """A file or folder cannot be written: full disk, no permission, a failing disk. `reason` is the system's."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path}: cannot be written ({reason}); make room or give another place")
        self.reason = reason


class DatasetError(EdgeallError):
    """A dataset is not usable: missing, empty, one class, too few images."""


class ImageError(EdgeallError):
    """One image cannot be read."""


class RunError(EdgeallError):
    """A run folder is missing or incomplete, or contradicts its dataset."""


class TrainingError(EdgeallError):
    """A training diverged: its loss is not finite."""


class ModelError(EdgeallError):
    """A Keras model cannot be imported."""


class ArtifactError(EdgeallError):
    """An artifact is missing, truncated, altered, or was not made by edgeall."""


class EngineError(EdgeallError):
    """An inference engine cannot load or run an artifact."""


class ExportError(EdgeallError):
    """A converter failed or wrote an invalid file."""


class WorkerLost(ExportError):
    """A conversion process was killed or stopped. The cause need not be the model."""


class SelftestError(EdgeallError):
    """An artifact's golden pictures get other answers here than when it was made."""


class UncheckableError(EdgeallError):
    """An artifact has no golden answers that this edgeall can check."""

    exit_status = 1


class MeasurementError(EdgeallError):
    """A measurement failed, or is not plausible."""


class DeviceError(EdgeallError):
    """A device cannot be reached, or lacks something that is needed."""


class ClusterError(EdgeallError):
    """A scheduler or its workers cannot be reached, do not fit this command, or are lost."""


class UnsoundKitError(EdgeallError):
    """A kit is damaged, or not signed by the key that it must be signed by."""

    exit_status = 1


class MissingExtraError(EdgeallError):
    """An optional part of edgeall is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} is not installed here; install it with: pip install "edgeall[{extra}]"')
        self.extra = extra
