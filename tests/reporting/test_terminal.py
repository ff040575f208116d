"""On a terminal of any width no figure is cut."""

import io
import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest

from edgeall import reporting, results
from edgeall.recommending import recommend
from edgeall.reporting.results_table import COLUMNS, table

HEADS = ("Take this: ", "Because: ", "Not known: ")
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
    places = [
        text.index(heading) for heading in ("artifact", "What INT8 is worth", "cannot say", "\nTake this: ")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "artifact", ["a.tflite", "runs/mobilenetv2-on-the-cells-of-2026/exports/" + "x" * 70]
)
def test_the_answer_is_on_the_last_screen_of_80_columns_and_24_lines(
    artifact: str, make_journey: Make
) -> None:
    document = make_journey(weights="random", data="synthetic", subjects=8)
    for result in document["results"]:
        result["artifact"] = artifact
    lines = shown(document, 80).splitlines()
    starts = [lines.index(next(line for line in lines if line.startswith(head))) for head in HEADS]
    assert all(1 <= end - start <= 3 for start, end in itertools.pairwise([*starts, len(lines)]))


def test_what_does_not_fit_the_answer_stands_above_it_once(make_journey: Make) -> None:
    document = make_journey(weights="random", data="synthetic", subjects=8)
    document["results"] = [
        r | {"weights": "imagenet"} if "dense" in r["backbone"] else r for r in document["results"]
    ]
    document["failures"] = [{"artifact": "runs/one/exports/one_openvino-int8.xml", "error": "killed " * 20}]
    (bench,) = results.merge([("laptop.json", document)])
    found = recommend(bench)
    text = " ".join(reporting.plain_text((bench,), 100).replace("•", "").split())
    for sentence in (*found.because, *found.not_known):
        assert text.count(sentence) == 1
    assert "1 more above" in text


def test_of_several_devices_the_answers_come_last_together(make_document: Make, make_result: Make) -> None:
    documents = [(name, make_document([make_result()], name)) for name in ("rpi4", "rpi5")]
    *_, heading, take, _, _, _, other, again, _, _ = (
        line for line in reporting.plain_text(results.merge(documents), 300).splitlines()
    )
    assert (heading, other) == ("rpi4", "rpi5")
    assert take == again
    assert take.startswith("Take this: mobilenetv2 TFLite float32 on 1 thread")


def test_brackets_in_names_are_no_markup(make_document: Make, make_result: Make) -> None:
    assert "[red]weights[/red]" in shown(make_document([make_result(weights="[red]weights[/red]")]), 200)


def test_a_fleet_ends_with_the_answer_for_each_board(make_document: Make, make_result: Make) -> None:
    from rich.console import Console

    documents = [(name, make_document([make_result()], name)) for name in ("rpi4", "rpi5")]
    console = Console(width=300, record=True, file=io.StringIO())
    console.print(reporting.Fleet(results.merge(documents)))
    *_, heading, take, _, _, _, other, again, _, _ = console.export_text().splitlines()
    assert (heading.strip(), other.strip()) == ("rpi4", "rpi5")
    assert take == again
    assert take.startswith("Take this: mobilenetv2 TFLite float32 on 1 thread")
