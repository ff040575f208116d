"""Where models are used: images to verdicts, offline, on whatever device is there."""

from edgeall.field.classify import Classified, Failed, classify, find_images
from edgeall.field.verdict import Verdict, decide, judge
from edgeall.pixels.folder import LeftOut
from edgeall.pixels.quality import Quality, assess

__all__ = [
    "Classified",
    "Failed",
    "LeftOut",
    "Quality",
    "Verdict",
    "assess",
    "classify",
    "decide",
    "find_images",
    "judge",
]
