"""On a terminal of any width no figure is cut."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from edgeall import reporting, results
from edgeall.reporting.results_table import COLUMNS, table

Make = Callable[..., dict[str, Any]]


def shown(document: dict[str, Any], width: int) -> str:
    return reporting.plain_text(results.merge([("laptop.json", document)]), width)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 200, 300])
def test_every_figure_is_there(width: int, make_journey: Make) -> None:
    document = make_journey()
    text = shown(document, width)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= width
    (bench,) = results.merge([("laptop.json", document)])
    for row in table(bench).rows:
        for column in COLUMNS:
            assert row.cells[column.key] in text


def test_a_wide_terminal_has_one_table_and_a_narrow_one_more(make_journey: Make) -> None:
    document = make_journey()
    rules = {
        width: len(re.findall(r"^─{20,}", shown(document, width), re.MULTILINE))
        for width in (60, 90, 130, 220)
    }
    assert rules == {60: 0, 90: 3, 130: 2, 220: 1}


def test_accuracy_is_not_repeated_for_each_thread_count_where_it_has_its_own_table(
    make_journey: Make,
) -> None:
    assert shown(make_journey(), 130).count(" 100.0 [85.1–100.0] ") == 5
    assert shown(make_journey(), 220).count(" 100.0 [85.1–100.0] ") == 10


def test_the_verdict_follows_the_table(make_journey: Make) -> None:
    text = shown(make_journey(), 120)
    places = [text.index(heading) for heading in ("artifact", "\nTake", "What INT8 is worth", "cannot say")]
    assert places == sorted(places)


def test_brackets_in_names_are_no_markup(make_document: Make, make_result: Make) -> None:
    assert "[red]weights[/red]" in shown(make_document([make_result(weights="[red]weights[/red]")]), 200)
