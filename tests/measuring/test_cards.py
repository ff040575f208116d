"""What NVIDIA's tool says of cards. The texts are samples of its form; no card takes part."""

import os
from pathlib import Path

import pytest

from edgeall.measuring import cards

SAMPLE_CARDS = "NVIDIA Sample GPU, 550.54.15, 8192, 8.9\nNVIDIA Other GPU, 550.54.15, [N/A], 7.5\n"
SAMPLE_PROCESSES = "4021, 512\n4022, 1024\n4021, 256\n"


def test_each_card_is_told_with_its_driver_and_memory() -> None:
    first, second = cards.parse_cards(SAMPLE_CARDS)
    assert first == {
        "name": "NVIDIA Sample GPU",
        "driver": "550.54.15",
        "memory_bytes": 8 << 30,
        "compute_capability": "8.9",
    }
    assert second["memory_bytes"] is None


@pytest.mark.parametrize("said", ["", "No devices were found\n", "a, b\n"])
def test_what_names_no_card_is_none(said: str) -> None:
    assert cards.parse_cards(said) == []


def test_memory_is_that_of_the_process_on_all_cards() -> None:
    assert cards.parse_memory(SAMPLE_PROCESSES, 4021) == {"bytes": 768 << 20, "reason": None}


@pytest.mark.parametrize(
    ("said", "word"), [("", "does not list"), ("4021, [N/A]\n", "N/A"), ("x\n", "does not list")]
)
def test_memory_that_is_not_told_has_a_reason(said: str, word: str) -> None:
    told = cards.parse_memory(said, 4021)
    assert told["bytes"] is None
    assert word in told["reason"]


def test_without_the_tool_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cards.cards() == []
    assert "nvidia-smi is not here" in cards.memory_of_process()["reason"]


@pytest.mark.skipif(os.name == "nt", reason="the tool's mock is a shell script")
def test_the_tool_is_asked_for_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`nvidia-smi` is a mock here."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\n[ "$1" = "--query-compute-apps=pid,used_memory" ] && echo "$PPID, 100"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cards.memory_of_process() == {"bytes": 100 << 20, "reason": None}
