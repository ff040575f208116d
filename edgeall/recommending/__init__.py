"""From a device's results and limits to the artifact to take there, with the reason, or to "the data do not decide"."""

from edgeall.recommending.answer import Recommendation, recommend
from edgeall.recommending.choosing import Candidate, Choice, choose, front
from edgeall.recommending.constraints import OPTIONS, Constraints, Reason
from edgeall.recommending.table import HEADINGS, rows

__all__ = [
    "HEADINGS",
    "OPTIONS",
    "Candidate",
    "Choice",
    "Constraints",
    "Reason",
    "Recommendation",
    "choose",
    "front",
    "recommend",
    "rows",
]
