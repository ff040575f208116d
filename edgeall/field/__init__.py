"""Classification of images with an artifact, offline, on any device."""

from edgeall.field.classify import Classified, Failed, classify, find_images
from edgeall.field.verdict import Verdict, decide, verdict_of
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
    "verdict_of",
]
