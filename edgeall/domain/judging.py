"""Judges whether a picture is like the images that a model was made for."""

from edgeall.artifact.domain import Domain
from edgeall.domain.figures import figures
from edgeall.domain.wording import reasons
from edgeall.pixels import Picture


def unlike(domain: Domain, picture: Picture) -> tuple[str, ...]:
    """Why a picture is unlike the training images, in plain words; empty where it is like them.

    Figures without limits in the domain, and limits of figures that this edgeall does not know, have no say. The size
    of the file has none either.

    Args:
        picture: at the square of the model's input.

    Raises:
        ValueError: the picture is of another size than `domain.side`.
    """
    if picture.pixels.shape[0] != domain.side:
        raise ValueError(f"a picture of side {picture.pixels.shape[0]}; the domain is of side {domain.side}")
    found = figures(picture.pixels)
    beyond = {}
    for name, (low, high) in domain.limits.items():
        value = found.get(name)
        if value is not None and not low <= value <= high:
            beyond[name] = (value - (low if value < low else high)) / max(high - low, 1e-6)
    return reasons(domain, found, beyond) if beyond else ()
