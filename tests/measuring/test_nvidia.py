"""What NVIDIA's tool says of cards. The texts are samples of its form; no card takes part."""

import os
from pathlib import Path

import pytest

from edgeall.measuring import nvidia

SAMPLE_CARDS = "NVIDIA Sample GPU, 550.54.15, 8192, 8.9\nNVIDIA Other GPU, 550.54.15, [N/A], 7.5\n"
SAMPLE_PROCESSES = "4021, 512\n4022, 1024\n4021, 256\n"


def mock(folder: Path, does: str) -> None:
    """An `nvidia-smi` that does this."""
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{does}\n")
    tool.chmod(0o755)


def test_each_card_is_told_with_its_driver_and_memory() -> None:
    first, second = nvidia.parse_cards(SAMPLE_CARDS)
    assert first == {
        "name": "NVIDIA Sample GPU",
        "driver": "550.54.15",
        "memory_bytes": 8 << 30,
        "compute_capability": "8.9",
    }
    assert second["memory_bytes"] is None


@pytest.mark.parametrize("said", ["", "No devices were found\n", "a, b\n"])
def test_what_names_no_card_is_none(said: str) -> None:
    assert nvidia.parse_cards(said) == []


def test_memory_is_that_of_the_process_on_all_cards() -> None:
    assert nvidia.parse_memory(SAMPLE_PROCESSES, 4021) == {"bytes": 768 << 20, "reason": None}


@pytest.mark.parametrize(
    ("said", "word"), [("", "does not list"), ("4021, [N/A]\n", "N/A"), ("x\n", "does not list")]
)
def test_memory_that_is_not_told_has_a_reason(said: str, word: str) -> None:
    told = nvidia.parse_memory(said, 4021)
    assert told["bytes"] is None
    assert word in told["reason"]


def test_without_the_tool_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia.cards() == []
    assert "nvidia-smi is not here" in nvidia.memory_of_process()["reason"]


@pytest.mark.skipif(os.name == "nt", reason="the tool's mock is a shell script")
@pytest.mark.parametrize(
    ("shown", "device", "name"),
    [
        (None, 0, "NVIDIA Sample GPU"),
        (None, 1, "NVIDIA Other GPU"),
        (None, 2, None),
        ("1", 0, "NVIDIA Other GPU"),
        ("1,0", 1, "NVIDIA Sample GPU"),
        ("1", 1, None),
        ("", 0, None),
        ("7", 0, None),
        ("GPU-3f2a", 0, None),
    ],
)
def test_a_card_is_the_one_that_cuda_counts_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: str | None, device: int, name: str | None
) -> None:
    """`nvidia-smi` is a mock here."""
    mock(tmp_path, f"printf {SAMPLE_CARDS!r}")
    monkeypatch.setenv("PATH", str(tmp_path))
    if shown is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    found = nvidia.of_cuda(device)
    assert (found and found["name"]) == name


@pytest.mark.skipif(os.name == "nt", reason="the tool's mock is a shell script")
def test_a_lone_card_needs_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`nvidia-smi` is a mock here, as in a container that is given one card by its identifier."""
    mock(tmp_path, f"printf {SAMPLE_CARDS.splitlines()[0]!r}")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-3f2a")
    assert nvidia.of_cuda(0) == nvidia.parse_cards(SAMPLE_CARDS)[0]


@pytest.mark.skipif(os.name == "nt", reason="the tool's mock is a shell script")
def test_the_tool_is_asked_for_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`nvidia-smi` is a mock here."""
    mock(tmp_path, '[ "$1" = "--query-compute-apps=pid,used_memory" ] && echo "$PPID, 100"')
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia.memory_of_process() == {"bytes": 100 << 20, "reason": None}
