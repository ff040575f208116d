"""A cell of a field: its box and its outline."""

from dataclasses import dataclass, field

from edgeall.cells.regions import Mask


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of a picture; `right` and `bottom` are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def scaled(self, across: float, down: float) -> "Box":
        """The box in a picture whose sides are `across` and `down` times as long, rounded to whole pixels."""
        return Box(
            round(self.left * across),
            round(self.top * down),
            round(self.right * across),
            round(self.bottom * down),
        )


@dataclass(frozen=True)
class Cell:
    """A white cell.

    Attributes:
        box: the cell with a narrow margin, within the field.
        mask: bool (box.height, box.width), the cell's pixels.
    """

    box: Box
    mask: Mask = field(repr=False, compare=False)
