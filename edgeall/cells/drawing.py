"""A field with boxes drawn round its cells."""

from collections.abc import Sequence

from PIL import Image, ImageColor, ImageDraw, ImageFont

from edgeall.cells.cell import Box
from edgeall.pixels.mapping import ByteImage

COLOUR = "#00a040"
"""Of boxes without a colour of their own."""

_LINE = 1 / 400
"""Width of a line as a share of the field's longer side."""

_LETTERS = 1 / 40
"""Height of letters as a share of the field's longer side."""


def draw_boxes(
    field: ByteImage,
    boxes: Sequence[Box],
    labels: Sequence[str] | None = None,
    colours: Sequence[str] | None = None,
) -> Image.Image:
    """A copy of a field with a frame round each box and a label beside it.

    Args:
        field: RGB bytes (H, W, 3).
        boxes: in pixels of the field.
        labels: of the boxes, a line each; their numbers from 1 where it is None.
        colours: names or hexadecimal values that Pillow knows; `COLOUR` where it is None.

    Raises:
        ValueError: another number of labels or colours than boxes.
    """
    labels = labels if labels is not None else [str(number) for number in range(1, len(boxes) + 1)]
    colours = colours if colours is not None else [COLOUR] * len(boxes)
    image = Image.fromarray(field)
    pen = ImageDraw.Draw(image)
    line, letters = max(2, round(max(image.size) * _LINE)), font(max(11, round(max(image.size) * _LETTERS)))
    for box, colour in zip(boxes, colours, strict=True):
        pen.rectangle((box.left, box.top, box.right - 1, box.bottom - 1), outline=colour, width=line)
    # Labels last, so that no frame crosses one.
    for box, label, colour in zip(boxes, labels, colours, strict=True):
        _write(pen, box, label, colour, letters, image.size)
    return image


def _write(
    pen: ImageDraw.ImageDraw,
    box: Box,
    label: str,
    colour: str,
    font: ImageFont.ImageFont,
    size: tuple[int, int],
) -> None:
    """Writes a label above its box, or below or in it where there is no room above."""
    left, top, right, bottom = pen.textbbox((0, 0), label, font=font)
    width, height = right - left + 6, bottom - top + 6
    x = max(0, min(box.left, size[0] - width))
    places = (box.top - height, box.bottom, box.top)
    y = next((place for place in places if 0 <= place <= size[1] - height), 0)
    pen.rectangle((x, y, x + width - 1, y + height - 1), fill=colour)
    pen.text((x + 3 - left, y + 3 - top), label, fill=_readable_on(colour), font=font)


def _readable_on(colour: str) -> str:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    # ITU-R BT.601.
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"


def font(height: int) -> ImageFont.ImageFont:
    """Letters of a height in pixels; of one fixed height where Pillow has no FreeType."""
    try:
        return ImageFont.load_default(height)  # type: ignore[return-value]
    except (ImportError, OSError):
        # A Pillow without FreeType has one bitmap font.
        return ImageFont.load_default_imagefont()
