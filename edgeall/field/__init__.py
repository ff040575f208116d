"""Classification of images with an artifact, offline, on any device."""

from edgeall.field.answers import Classified, Failed
from edgeall.field.classify import Answer, Classifier, Result, answers, classify
from edgeall.field.sources import Found, find_images
from edgeall.field.verdict import OUTCOMES, Outcome, Verdict, decide, verdict_of
from edgeall.pixels.folder import LeftOut
from edgeall.pixels.quality import Quality, assess

__all__ = [
    "OUTCOMES",
    "Answer",
    "Classified",
    "Classifier",
    "Failed",
    "Found",
    "LeftOut",
    "Outcome",
    "Quality",
    "Result",
    "Verdict",
    "answers",
    "assess",
    "classify",
    "decide",
    "find_images",
    "verdict_of",
]
