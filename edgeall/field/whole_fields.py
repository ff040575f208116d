"""Whole smear fields: their white cells are found, cut out and given a verdict each."""

import math
import time

import numpy as np
from PIL import Image

from edgeall.artifact import Artifact, Domain
from edgeall.cells import Cell, cut_out, find_cells, red_cell_diameter
from edgeall.field.field_answers import CellAnswer, FieldAnswer
from edgeall.field.single_pictures import Checked, check, source_of, verdict
from edgeall.field.sources import Found
from edgeall.pixels import Field, Picture, read_field
from edgeall.pixels.quality import Quality, assess_without_model
from edgeall.pixels.square import resized
from edgeall.runtimes import Session
from edgeall.values import dataclass

NO_RED_CELLS = (
    "no red cells are found, by whose size white cells are: not a smear field, or too low a magnification"
)

NO_WHITE_CELLS = "no white cell is found; of a picture that is no smear field this says nothing"

LONGEST = 2592
"""Most pixels of a field's longer side that cells are cut out of, as ALL-IDB1's have. Larger fields are reduced."""

MARGIN = 0.2
"""Margin round a cell, as a share of its longer side, for models of cells that are not on black: their training images
do not tell how much of them is the cell."""


@dataclass(frozen=True)
class _Read:
    field: Field
    quality: Quality
    cells: tuple[Cell, ...]
    checked: tuple[Checked, ...]
    seconds: float


class WholeFields:
    """Each file is a field with any number of white cells."""

    def __init__(self, artifact: Artifact, force: bool) -> None:
        self._artifact, self._force = artifact, force

    def read(self, found: Found) -> _Read:
        """Read a field, find its white cells, cut out and check each; for any thread.

        Raises:
            ImageError: it cannot be read, or more cells are found than a field has.
        """
        start = time.perf_counter()
        field = read_field(source_of(found), LONGEST)
        quality, red_cell = assess_without_model(field.pixels, field.size), red_cell_diameter(field.pixels)
        if red_cell is None:
            quality = Quality((*quality.reasons, NO_RED_CELLS))
        cells = (
            find_cells(field.pixels, red_cell) if red_cell is not None and (quality.ok or self._force) else ()
        )
        checked = tuple(self._checked(field, cell) for cell in cells)
        return _Read(field, quality, cells, checked, time.perf_counter() - start)

    def answer(self, path: str, read: _Read, session: Session) -> FieldAnswer:
        """The answer on a field that was read.

        Raises:
            EngineError: the engine failed.
        """
        start = time.perf_counter()
        cells = tuple(
            CellAnswer(
                cell.box.scaled(*read.field.scale),
                verdict(checked, self._artifact, session, self._force),
                checked.quality,
                checked.unlike,
            )
            for cell, checked in zip(read.cells, read.checked, strict=True)
        )
        seconds = read.seconds + time.perf_counter() - start
        refused = not read.quality.ok and not self._force
        return FieldAnswer(
            path,
            read.field.size,
            read.quality,
            refused,
            cells,
            self._artifact.metadata.decision.threshold,
            self._artifact.path.name,
            seconds * 1000.0,
            read.field.notes if cells or refused else (*read.field.notes, NO_WHITE_CELLS),
        )

    def _checked(self, field: Field, cell: Cell) -> Checked:
        metadata = self._artifact.metadata
        domain = metadata.domain
        on_black = domain is not None and domain.on_black
        square = cut_out(field.pixels, cell, margin=margin_of(cell, domain), on_black=on_black)
        pixels = np.asarray(resized(Image.fromarray(square), metadata.pixels.resize))
        across, down = field.scale
        size = round(square.shape[1] * across), round(square.shape[0] * down)
        return check(Picture(pixels, size), domain)


def margin_of(cell: Cell, domain: Domain | None) -> float:
    """The margin round a cell, as a share of its longer side, with which it fills as much as in training images.

    Cells on black fill a share of their image that the domain knows: what is not black. The middle of its limits is
    taken.
    """
    limits = None if domain is None or not domain.on_black else domain.limits.get("black")
    if limits is None:
        return MARGIN
    filled = 1 - min(sum(limits) / 2, 0.95)
    side = math.sqrt(np.count_nonzero(cell.mask) / filled)
    return max(0.0, (side / max(cell.box.width, cell.box.height) - 1) / 2)
