"""Why a picture is refused, without its name: whoever opened the file puts that in front."""

WAY_OUT = "save it as 8-bit RGB TIFF or PNG"


class RefusedImage(Exception):
    """A picture that cannot be read right, and what to do about it."""

    def __init__(self, reason: str, way_out: str = WAY_OUT) -> None:
        super().__init__(f"{reason}; {way_out}")
