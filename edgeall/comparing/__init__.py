"""Runs or bench results side by side: ratios, intervals, paired tests, and what of a ranking the data support."""

from edgeall.comparing.compare import Comparison, Outcome, Tolerances, Worse, compare
from edgeall.comparing.document import to_json
from edgeall.comparing.ranking import Ranking, rankings
from edgeall.comparing.table import table
from edgeall.comparing.words import paragraphs

__all__ = [
    "Comparison",
    "Outcome",
    "Ranking",
    "Tolerances",
    "Worse",
    "compare",
    "paragraphs",
    "rankings",
    "table",
    "to_json",
]
