"""The one family of exceptions a user may see.

Every message is a single line that names the thing at fault and the way out. The command line prints it
and ends with `exit_status`; anything that is not an `EdgeallError` is a bug and shows as one.
"""


class EdgeallError(Exception):
    """Base of all errors a user can cause and mend."""

    exit_status = 2


class UsageError(EdgeallError):
    """The command was asked for something it cannot mean: a wrong name, a contradiction, a missing argument."""


class FileError(EdgeallError):
    """A file or folder cannot be written: no room, no permission, a failing disk. `reason` is the system's."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path}: cannot be written ({reason}); make room or give another place")
        self.reason = reason


class DatasetError(EdgeallError):
    """A folder of images cannot serve: missing, empty, one class, too few images."""


class ImageError(EdgeallError):
    """One image cannot be read."""


class RunError(EdgeallError):
    """A run folder is missing, incomplete or contradicts its data."""


class TrainingError(EdgeallError):
    """A training came to nothing: its loss is no longer a number."""


class ModelError(EdgeallError):
    """A Keras model from elsewhere cannot be taken over as it is."""


class ArtifactError(EdgeallError):
    """An artifact is missing, truncated, altered, or was not made by edgeall."""


class EngineError(EdgeallError):
    """An inference engine cannot load or run an artifact."""


class ExportError(EdgeallError):
    """A converter failed or wrote something that cannot be trusted."""


class WorkerLost(ExportError):
    """A converting process was killed or stopped before its end: that says nothing of what it was converting."""


class MeasurementError(EdgeallError):
    """A measurement could not be taken, or cannot be believed."""


class DeviceError(EdgeallError):
    """A device cannot be reached, or cannot serve as it is."""


class MissingExtraError(EdgeallError):
    """An optional part of edgeall is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} is not installed here; install it with: pip install "edgeall[{extra}]"')
        self.extra = extra
