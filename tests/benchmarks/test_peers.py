"""INT8 beside other tools: what the comparison tells of known answers, and how peers are run."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SHIFTS = 5


OF_BENCH = {"environments": "environments", "section": "sections.int8"}


@pytest.fixture(scope="module")
def peers() -> Iterator[SimpleNamespace]:
    """The modules of `benchmarks/peers`."""
    import importlib

    sys.path.insert(0, str(BENCHMARKS))
    try:
        names = ("comparing", "measuring", "page", "table")
        found = {name: importlib.import_module(f"peers.{name}") for name in names}
        of_bench = {name: importlib.import_module(f"bench.{path}") for name, path in OF_BENCH.items()}
        yield SimpleNamespace(**found, **of_bench)
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_a_difference_of_test_pictures_is_mcnemars(peers: Any) -> None:
    ours = np.array([True] * 2 + [False] * 10 + [True] * 88)
    peer = np.array([False] * 2 + [True] * 10 + [True] * 88)
    found = peers.comparing.paired(ours, peer)
    assert (found.only_ours, found.only_peers) == (2, 10)
    # 2 of 12 by a fair coin: 2 (1 + 12 + 66) / 4096.
    assert found.p_value == pytest.approx(2 * 79 / 4096)


def test_shifted_pictures_of_a_cell_count_once(peers: Any) -> None:
    ours, peer = np.ones((SHIFTS, 8), dtype=bool), np.ones((SHIFTS, 8), dtype=bool)
    ours[:, 0] = False
    found = peers.comparing.paired(ours, peer)
    assert found.only_peers == SHIFTS
    assert found.p_value == 1.0


def test_less_faithful_is_shown_after_holms_correction_alone(peers: Any) -> None:
    ours = np.array([False] * 7 + [True] * 93)
    test = peers.comparing.paired(ours, np.ones(100, dtype=bool))
    alone = peers.comparing.adjusted({("a",): test})
    assert alone["a",].less == "less"
    among = peers.comparing.adjusted({(str(number),): test for number in range(10)})
    assert {each.less for each in among.values()} == {"no"}


def test_the_direction_is_told(peers: Any) -> None:
    ours = np.ones(100, dtype=bool)
    test = peers.comparing.paired(ours, np.array([False] * 10 + [True] * 90))
    assert peers.comparing.adjusted({("a",): test})["a",].less == "more"


@pytest.mark.parametrize(
    ("value", "half", "expected"),
    [(-0.1, 0.0, 0.1), (0.1, 0.0, 0.0), (0.0, 1.6448536, 0.3989423)],
    ids=["certain fall", "certain rise", "no change, deviation 1"],
)
def test_expected_loss_of_auc(peers: Any, value: float, half: float, expected: float) -> None:
    change = SimpleNamespace(value=value, low=value - half, high=value + half)
    assert peers.comparing.expected_loss(change) == pytest.approx(expected, abs=1e-6)


def test_every_peer_has_a_script_and_pinned_requirements(peers: Any) -> None:
    for peer in peers.table.PEERS:
        assert peer.program.is_file(), peer.name
        lines = peer.pinned.read_text(encoding="utf-8").split()
        assert lines, peer.name
        assert all("==" in line for line in lines if "<" not in line), peer.name


def test_each_format_has_one_vendors_default(peers: Any) -> None:
    for format in ("tflite", "onnx", "openvino"):
        assert len(peers.table.peers_of(format, defaults=True)) == 1


def test_an_environment_that_cannot_be_installed_says_so_once(
    peers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No index: nothing can be found, and nothing is asked of the network.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    said: list[str] = []
    for _ in range(2):
        found = peers.environments.provide(
            "absent", ["no-such-package==1.0"], tmp_path / "cache", said.append
        )
        assert "no-such-package==1.0" in found.refused
    assert len(said) == 1
    assert found.python.is_file()


def test_a_refusal_is_an_answer_on_one_line(tmp_path: Path) -> None:
    import subprocess

    script = tmp_path / "refuses.py"
    script.write_text(
        "from contract import answer\n\ndef make(task):\n    raise ValueError('does not\\n take it')\n\nanswer(make)\n",
        encoding="utf-8",
    )
    names = ("format", "keras", "saved_model", "tflite", "onnx", "calibration", "validation", "out")
    task = {**dict.fromkeys(names, ""), "truth": [], "threshold": 0.5, "positive": [1], "options": {}}
    (tmp_path / "task.json").write_text(json.dumps(task), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "task.json")],
        env={"PYTHONPATH": str(BENCHMARKS / "peers" / "scripts")},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    told = json.loads((tmp_path / "answer.json").read_text(encoding="utf-8"))
    assert told == {"refused": "ValueError: does not take it", "note": None}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("model='/home/a/runs/x/model.keras' should be", "model='model.keras' should be"),
        ("(/opt/env/lib/python3.11/site.py)", "(site.py)"),
        ("Location 'file:///opt/index/simple/' is ignored", "Location '… is ignored"),
        ("u8/s8 per channel, 1/2", "u8/s8 per channel, 1/2"),
    ],
)
def test_messages_are_shown_without_folders_and_addresses(peers: Any, said: str, shown: str) -> None:
    assert peers.environments.without_places(said) == shown


@pytest.fixture
def entries(peers: Any) -> list[Any]:
    """edgeall's model in TFLite, which keeps 88 of 100 verdicts, beside the vendor's default, which keeps all."""
    from edgeall.statistics import Estimate

    def faith(kept: int) -> Any:
        of_100 = np.arange(100) < kept
        return peers.comparing.Faith(of_100, 0.9, np.stack([of_100] * SHIFTS), 0.9, -0.01, 0.012, 0.03)

    def times(low: float, value: float, high: float) -> Any:
        return peers.measuring.Times(Estimate(value, low, high, "made up"), 4.0, 8.0, 40)

    entry = peers.measuring.Entry
    place = ("mobilenetv2 at 224", "mobilenetv2", "tflite")
    ours = entry(
        *place, None, "bias-correction", None, 2.7, 0, 65, faith(88), to_float=times(0.44, 0.45, 0.46)
    )
    (default,) = peers.table.peers_of("tflite", defaults=True)
    tests = {name: peers.comparing.paired(ours.faith.kept, faith(100).kept) for name in ("test", "shifted")}
    tests = {
        name: found
        for (name,), found in peers.comparing.adjusted({(n,): t for n, t in tests.items()}).items()
    }
    theirs = entry(
        *place, default, "", 30.0, 2.7, 0, 65, faith(100), to_peer=times(1.03, 1.04, 1.05), tests=tests
    )
    refused = entry(
        *place, next(each for each in peers.table.PEERS if each.name == "anneal"), "it gives no advice"
    )
    return [ours, theirs, refused]


def test_rows_judge_speed_by_the_interval_and_faith_by_the_test(peers: Any, entries: list[Any]) -> None:
    rows = [row for entry in entries for row in peers.section._rows(entry, entries)]
    assert [(row.what.split(": ")[-1], row.outcome) for row in rows] == [
        ("INT8 by float32", "met"),
        ("time", "missed"),
        ("verdicts kept, test", "missed"),
        ("verdicts kept, shifted", "missed"),
        ("mobilenetv2 at 224, tflite", None),
    ]
    assert "edgeall is less faithful, as shown" in rows[2].note
    assert "it gives no advice" in rows[4].note


def test_the_page_tells_each_model_each_difference_and_each_refusal(peers: Any, entries: list[Any]) -> None:
    shown = peers.page.page("About.", "a machine", [], entries, [])
    assert "88 of 100, 88.0%" in shown
    assert "| yes: test, shifted |" in shown
    assert "it gives no advice" in shown
