"""The reason why a picture is refused, without the file's name, which the caller prepends."""

REMEDY = "save it as 8-bit RGB TIFF or PNG"


class RefusedImage(Exception):
    """A picture that cannot be read correctly, and what to do instead."""

    def __init__(self, reason: str, remedy: str = REMEDY) -> None:
        super().__init__(f"{reason}; {remedy}")
