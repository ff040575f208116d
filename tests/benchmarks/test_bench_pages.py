"""Tables of `make bench`."""

from dataclasses import replace
from pathlib import Path

from bench.pages import Measured, write
from bench.ratios import exact
from bench.section import Goal, Row

from edgeall.statistics import Estimate

ROW = Row(
    "one picture: time", 0.25, 1234.5, "script | other", "s", Estimate(1.2, 1.1, 1.3), 8, Goal(most=1.15),
    note="while it rained",
)  # fmt: skip
MEASURED = Measured(
    "classify", "speed", "`classify`", "What is compared.\n", "a machine, 2 cores", {"pillow": "13"}, (ROW,)
)


def test_a_page_has_the_table_and_all_that_is_known(tmp_path: Path) -> None:
    write(tmp_path, MEASURED, ["speed"])
    lines = (tmp_path / "speed.md").read_text().splitlines()
    assert lines[0] == "# `classify`"
    assert (
        "| one picture: time | 0.25 | 1,234 (script &#124; other) | s | 1.2 [1.1–1.3] | 8 | at most 1.15 | not shown |"
        in lines
    )
    assert "- one picture: time: while it rained" in lines
    assert "Measured on a machine, 2 cores. Made by `make bench SECTIONS=classify`." in lines
    assert "Basis: pillow 13." in lines


def test_the_summary_has_what_other_runs_measured_in_the_order_of_sections(tmp_path: Path) -> None:
    order = ["size", "speed", "never"]
    write(tmp_path, MEASURED, order)
    met = Row("size", 1.0, 2.0, "other", "MB", exact(1, 2), 0, Goal(most=1))
    write(tmp_path, replace(MEASURED, name="footprint", page="size", title="Size", rows=(met,)), order)
    text = (tmp_path / "bench.md").read_text()
    assert text.index("## Size") < text.index("## `classify`")
    assert "| Size | 1 | 0 | 0 |" in text.splitlines()
    assert "| size | 1 | 2 (other) | MB | 0.5 | – | at most 1 | met |" in text.splitlines()
    assert "[How it was measured, and notes](speed.md)" in text
