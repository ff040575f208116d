"""Which parts of a picture a deployed model's answer rests on, and whether the map of them can be believed."""

from edgeall.explaining.drawing import draw, heat_layer
from edgeall.explaining.explain import Explained, explain, explain_picture
from edgeall.explaining.explanation import Explanation, Faithfulness, Grid

__all__ = [
    "Explained",
    "Explanation",
    "Faithfulness",
    "Grid",
    "draw",
    "explain",
    "explain_picture",
    "heat_layer",
]
