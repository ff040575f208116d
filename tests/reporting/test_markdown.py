"""The report as Markdown."""

from collections.abc import Callable
from typing import Any

from edgeall import reporting, results
from edgeall.markdown_table import escape
from edgeall.recommending import recommend

Make = Callable[..., dict[str, Any]]


def written(document: dict[str, Any]) -> str:
    return reporting.markdown(results.merge([("laptop.json", document)]))


def test_every_row_has_every_column(make_journey: Make) -> None:
    rows = [line for line in written(make_journey()).splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 24
    assert {line.count("|") for line in rows} == {16}
    assert "| mobilenetv2 | TFLite INT8 | 2 | int8 | 22 | 95.5 [78.2–99.2] |" in rows[-1]


def test_the_verdict_has_its_sections(make_journey: Make) -> None:
    text = written(make_journey())
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Bench report",
        "## laptop (Example CPU @ 2.10GHz, 2 cores)",
        "### What the costlier backbone is worth",
        "### What INT8 is worth",
        "### Extremes",
        "### What these figures cannot say",
    ]


def test_the_recommendation_comes_first_in_full(make_journey: Make) -> None:
    (bench,) = results.merge([("laptop.json", make_journey(data="synthetic", subjects=8))])
    text, found = reporting.markdown([bench]), recommend(bench)
    for head, said in (
        ("Take this", [found.take]),
        ("Because", found.because),
        ("Not known", found.not_known),
    ):
        assert f"**{head}:** {escape(' '.join(said))}" in text.partition("| backbone |")[0]


def test_names_cannot_break_the_table_or_bring_html(make_document: Make, make_result: Make) -> None:
    text = written(make_document([make_result("a|b<script>*c*")]))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {16}
    assert "<script>" not in text
    assert "\\*c\\*" in text
