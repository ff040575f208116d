"""What a model's training images looked like: the record that travels in the artifact."""

from dataclasses import field

from edgeall.values import dataclass

Quantiles = tuple[int, int, int]
"""5th, 50th and 95th percentile."""


@dataclass(frozen=True)
class Domain:
    """What pictures a model was made for, as figures of its training and validation images.

    `edgeall.domain.describe` makes it, and `edgeall.domain.unlike` judges a picture by it.

    Attributes:
        images: number of images that were described; no test image is among them.
        people: number of subjects that they are of; None where subjects are not known, or fewer than three.
        side: height and width of the square that they were described at, in pixels: that of the model's input.
        on_black: whether they are cells that were cut out and laid on black.
        widths, heights: of the image files, in pixels. They are no limits: a cell that is stored larger is the same
            cell.
        refused: share in [0, 1] of images of people left out, and of mild shifts of them, that limits made without
            these people refuse; of images left out where `people` is None.
        limits: least and greatest value that an image like the described ones has, for each figure of
            `edgeall.domain.figures`.
    """

    images: int
    side: int
    on_black: bool
    widths: Quantiles
    heights: Quantiles
    refused: float
    people: int | None = None
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.images < 1 or self.side < 1 or (self.people is not None and self.people < 1):
            raise ValueError(f"a domain of {self.images} images, {self.people} people and side {self.side}")
        for sizes in (self.widths, self.heights):
            if not 0 < sizes[0] <= sizes[1] <= sizes[2]:
                raise ValueError(f"sizes {sizes} are not in ascending order")
        if not 0.0 <= self.refused <= 1.0:
            raise ValueError(f"a refused share of {self.refused} is not within 0 and 1")
        for name, (low, high) in self.limits.items():
            if not low <= high:
                raise ValueError(f"limits {low} and {high} of {name} are no interval")
