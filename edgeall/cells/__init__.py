"""White cells of a smear field: where they are, cut out as single pictures, and drawn for the user.

Only NumPy and Pillow are needed. Nothing here knows what kind of white cell one is.
"""

from edgeall.cells.cell import Box, Cell
from edgeall.cells.crop import cut_out
from edgeall.cells.drawing import draw_boxes
from edgeall.cells.find import MOST_CELLS, find_cells
from edgeall.cells.red_cells import red_cell_diameter

__all__ = ["MOST_CELLS", "Box", "Cell", "cut_out", "draw_boxes", "find_cells", "red_cell_diameter"]
