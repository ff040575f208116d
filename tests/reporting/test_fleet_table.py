"""Several boards side by side: a row an artifact, a column a board, and nothing invented where one has no figure."""

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from edgeall.reporting import Fleet, merge
from edgeall.reporting.fleet import fleet_cells

Make = Callable[..., dict[str, Any]]


def on(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document | {"device": document["device"] | {"name": name}}


def test_a_row_an_artifact_and_a_column_a_board(make_document: Make, make_result: Make) -> None:
    both, one = make_result(), make_result(threads=4)
    documents = [("a", on(make_document([both, one]), "a")), ("b", on(make_document([both]), "b"))]
    benches = merge(documents)
    cells = fleet_cells(benches)
    assert [threads for _, _, threads in cells] == [1, 4]
    assert [len(row) for row in cells.values()] == [2, 2]
    assert list(cells.values())[1][1] == "–"


def test_marks_are_explained_below(make_document: Make, make_result: Make) -> None:
    slow = make_document([make_result(thermal={"throttled": True})])
    file = io.StringIO()
    Console(file=file, width=160).print(Fleet(merge([("a", on(slow, "pi-a")), ("b", on(slow, "pi-b"))])))
    text = file.getvalue()
    assert "pi-a" in text
    assert "pi-b" in text
    assert "throttled: the processor was slowed down" in text
