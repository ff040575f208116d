"""From bench results to a table, a verdict in words, Markdown, CSV and JSON."""

from collections.abc import Iterable

from edgeall.reporting.csv_table import to_csv
from edgeall.reporting.device_verdict import DeviceVerdict, Statement, judge
from edgeall.reporting.markdown import markdown
from edgeall.reporting.terminal import Answers, Fleet, Terminal, plain_text
from edgeall.results import SCHEMA, Bench, JsonObject

__all__ = [
    "Answers",
    "DeviceVerdict",
    "Fleet",
    "Statement",
    "Terminal",
    "judge",
    "markdown",
    "plain_text",
    "to_csv",
    "to_json",
]


def to_json(benches: Iterable[Bench]) -> JsonObject:
    """All results as they were read, with the verdict on each device; `load` reads it again."""
    every = tuple(benches)
    return {
        "schema": SCHEMA,
        "benches": [document for bench in every for document in bench.documents],
        "verdicts": [judge(bench).to_dict() for bench in every],
    }
