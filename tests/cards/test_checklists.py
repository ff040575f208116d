"""The checklists have the items that were published, and say of each what is known, open or not applicable."""

import dataclasses
from pathlib import Path

import pytest
from card_facts import PARITY, bench, facts, run
from markdown_it import MarkdownIt

pytest.importorskip("yaml", reason="workstation: cards write YAML too")

from edgeall.cards import Facts
from edgeall.cards.checklist import NOT_APPLICABLE, TO_FILL_IN, Checklist, Item, render
from edgeall.cards.claim_2024 import CLAIM_2024
from edgeall.cards.tripod_ai import TRIPOD_AI

TRIPOD_PARTS = (
    "1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 16 17 18a 18b 18c "
    "18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c"
)

each_checklist = pytest.mark.parametrize("checklist", [TRIPOD_AI, CLAIM_2024], ids=lambda found: found.title)


def answers(checklist: Checklist, story: Facts) -> dict[str, str]:
    """The cell of the answer by number of the item, of the rendered page."""
    lines = [line for line in render(checklist, story).splitlines() if line.startswith("| ")]
    return {cells[1].strip(): cells[4].strip() for cells in (line.split("|") for line in lines[2:])}


def test_tripod_ai_has_its_27_items_with_their_parts() -> None:
    assert [item.number for item in TRIPOD_AI.items] == TRIPOD_PARTS.split()


def test_claim_has_its_44_items() -> None:
    assert [item.number for item in CLAIM_2024.items] == [str(number) for number in range(1, 45)]


@each_checklist
def test_every_item_is_answered_open_or_not_applicable(checklist: Checklist, tmp_path: Path) -> None:
    for story in (facts(), facts(bench()), facts(bench(), run=run(tmp_path))):
        found = answers(checklist, story)
        assert len(found) == len(checklist.items)
        assert all(found.values())


@each_checklist
def test_its_table_parses_and_names_its_source(checklist: Checklist) -> None:
    told = render(checklist, facts(bench()))
    html = MarkdownIt("commonmark").enable("table").render(told)
    assert html.count("<tr>") == len(checklist.items) + 1
    assert "doi 10." in told
    assert "in edgeall's words" in told


def test_what_nobody_told_is_marked_and_what_the_run_knows_is_not(tmp_path: Path) -> None:
    without, known = answers(TRIPOD_AI, facts()), answers(TRIPOD_AI, facts(bench(), run=run(tmp_path)))
    assert without["21"] == f"**{TO_FILL_IN}:** neither the artifact nor its run says it."
    assert known["21"].startswith("train: 2 images, 1 subjects (1 hem, 1 all)")
    for number in ("5b", "8b", "17", "18a", "18b", "19"):
        assert known[number].startswith(f"**{TO_FILL_IN}:**")
    assert known["24"].startswith(f"**{NOT_APPLICABLE}:**")


def test_figures_have_intervals_and_images() -> None:
    found = answers(CLAIM_2024, facts(bench()))["37"]
    assert "22 test images of 6 subjects" in found
    assert "Accuracy 0.909 (0." in found
    assert found.count("images") > 8


def test_the_page_begins_with_what_limits_it() -> None:
    told = render(
        CLAIM_2024, facts(data="synthetic smears", parity=dataclasses.replace(PARITY, passed=False))
    )
    head, _, _ = told.partition("| item |")
    assert "- Parity FAILED on 66 validation images" in head
    assert "- The images are synthetic: accuracy here says nothing about patients." in head


def test_external_images_are_told_from_internal_ones() -> None:
    assert answers(CLAIM_2024, facts(bench()))["33"].startswith("Not done.")
    other = answers(CLAIM_2024, facts(bench(split={"grouped_by": "other"})))
    assert other["33"].startswith("Images of another data set were tested.")


def test_an_item_needs_an_answer_and_an_answer_a_source() -> None:
    with pytest.raises(ValueError, match="item 1"):
        Item("1", "Title", "the title")
    with pytest.raises(ValueError, match="item 2"):
        Item("2", "Title", "the title", tell=lambda facts: "x")
