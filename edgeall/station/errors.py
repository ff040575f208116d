"""The one error of a station's programs."""


class KitError(Exception):
    """A kit or a station is not as it must be. The message is one line with the cause and the way out.

    `status` is the exit status: 1 where something was found to be wrong, 2 where nothing could be done.
    """

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status
