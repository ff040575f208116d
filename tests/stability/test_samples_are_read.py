"""What earlier versions wrote is read, and says now what it said then: `samples/` and its README."""

import json
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

for _module in ("ai_edge_litert", "onnxruntime", "openvino", "sklearn"):
    pytest.importorskip(_module, reason="samples are read with every engine and by the workstation's commands")

from make_samples import SAID, documents

from edgeall.cli.main import main

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.zip"))
ROUNDED = 1e-5
"""Two float engines, or two processors, differ by less."""
INT8_STEP = 1 / 256
WORDS = frozenset({"usage", "words", "intended_use"})
"""Text for people, which may change."""
METHODS = frozenset({"low", "high", "interval", "p_value", "p_adjusted", "test", "supported"})
"""What `compare` works out anew, by the methods of the version that runs."""


@cache
def said(sample: Path) -> list[dict[str, Any]]:
    """Commands, with the status and the documents that they gave when the sample was made."""
    with zipfile.ZipFile(sample) as archive:
        found: list[dict[str, Any]] = json.loads(archive.read(SAID))
    return found


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each sample."""
    places = {}
    for sample in SAMPLES:
        places[sample.stem] = tmp_path_factory.mktemp(sample.stem)
        with zipfile.ZipFile(sample) as archive:
            archive.extractall(places[sample.stem])
    return places


CASES = [
    pytest.param(sample, number, id=f"{sample.stem}: {' '.join(each['words'])}")
    for sample in SAMPLES
    for number, each in enumerate(said(sample))
]


@pytest.mark.parametrize(("sample", "number"), CASES)
def test_a_command_answers_as_it_did(
    unpacked: dict[str, Path],
    sample: Path,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    then = said(sample)[number]
    monkeypatch.chdir(unpacked[sample.stem])
    status = main(then["words"])
    captured = capsys.readouterr()
    assert status == then["status"], captured.err
    tolerance = INT8_STEP if "int8" in " ".join(then["words"]) else ROUNDED
    passed_over = WORDS | (METHODS if then["words"][0] == "compare" else frozenset())
    assert list(differences(then["documents"], documents(captured.out), tolerance, passed_over)) == []


def differences(then: Any, now: Any, tolerance: float, passed_over: frozenset[str], place: str = "") -> list[str]:
    """What `then` has and `now` has not, or has otherwise; new keys are no difference."""
    if isinstance(then, dict) and isinstance(now, dict):
        gone = [f"{place}.{key} is gone" for key in then.keys() - now.keys() - passed_over]
        both = [(f"{place}.{key}", then[key], now[key]) for key in then.keys() & now.keys() - passed_over]
        return gone + [line for name, a, b in both for line in differences(a, b, tolerance, passed_over, name)]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = enumerate(zip(then, now, strict=True))
        return [
            line
            for index, (a, b) in pairs
            for line in differences(a, b, tolerance, passed_over, f"{place}[{index}]")
        ]
    if isinstance(then, float) and isinstance(now, int | float):
        same = abs(then - now) <= tolerance
    else:
        same = then == now
    return [] if same else [f"{place}: {str(then)[:80]} was {str(now)[:80]}"]
