"""Runs or bench results side by side: ratios, intervals, paired tests, and what of a ranking the data support."""

from edgeall.comparing.compare import Comparison, Outcome, Tolerances, Worse, compare
from edgeall.comparing.comparison_json import to_json
from edgeall.comparing.comparison_table import table
from edgeall.comparing.conclusions import paragraphs
from edgeall.comparing.ranking import Ranking, rankings

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
