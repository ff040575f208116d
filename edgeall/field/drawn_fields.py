"""Pictures of fields with a box round each white cell."""

from collections.abc import Sequence
from pathlib import Path

from edgeall.cells import draw_boxes
from edgeall.errors import UsageError
from edgeall.field.field_answers import CellAnswer, FieldAnswer
from edgeall.field.output_folder import names_for, output_folder
from edgeall.field.sources import STDIN, Found
from edgeall.field.verdict import Outcome
from edgeall.field.whole_fields import LONGEST
from edgeall.files import replacing
from edgeall.pixels import read_field

# Told apart by people with red-green colour blindness too: Okabe and Ito, "Color Universal Design" (2008).
COLOURS: dict[Outcome, str] = {
    "positive": "#D55E00",
    "negative": "#009E73",
    "refer": "#0072B2",
    "refuse": "#999999",
}

_QUALITY = 90
"""Of the JPEG files."""


class DrawnFields:
    """Writes `folder`/NAME.jpg for each field: a box in the colour of its decision, and its number and score.

    NAME is the picture's path below the folder that was named. A name that is taken gets a number.
    """

    def __init__(self, folder: Path, sources: Sequence[str], *, add: bool = False) -> None:
        """See `output_folder`.

        Raises:
            UsageError: standard input is classified, which cannot be read again; or as `output_folder`.
        """
        if STDIN in sources:
            raise UsageError("standard input (-) cannot be read again for drawing: leave out --boxes")
        self._folder = output_folder(folder, sources, add=add)
        self._written = set[Path]()

    def add(self, found: Found, answer: FieldAnswer) -> Path:
        """Draw a field, and return where. A picture of an earlier call is replaced.

        Raises:
            FileError: it cannot be written.
            ImageError: the field cannot be read any more.
        """
        field = read_field(found.path, LONGEST)
        across, down = field.scale
        boxes = [cell.box.scaled(1 / across, 1 / down) for cell in answer.cells]
        labels = [_label(number, cell) for number, cell in enumerate(answer.cells, 1)]
        colours = [COLOURS[cell.decision] for cell in answer.cells]
        picture = draw_boxes(field.pixels, boxes, labels, colours)
        place = (self._folder / found.name).with_suffix(".jpg")
        target = next(name for name in names_for(place) if name not in self._written)
        with replacing(target, flush=False) as part:
            picture.save(part, "JPEG", quality=_QUALITY)
        self._written.add(target)
        return target


def _label(number: int, cell: CellAnswer) -> str:
    return (
        f"{number} refused" if cell.verdict is None else f"{number} {cell.decision} {cell.verdict.score:.2f}"
    )
