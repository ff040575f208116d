"""Damaged or mixed result files: one line that names the file and the way out, or a note of what is left open.

The commands that read results are `report`, `recommend` and `compare`.
"""

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench_documents import document, result

from edgeall.cli.main import main
from edgeall.documents import MAX_BYTES

SLOW = (90.0, 91.0, 92.0, 90.0, 90.0)
GOOD = document([result(wrong=[3])])
OTHER = document([result("densenet201", wrong=[1], medians=SLOW)])
COMMANDS = ("report", "recommend", "compare")
NO_RESULT = "not a result of this edgeall's bench (runs/RUN/bench/DEVICE.json)"

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """In a folder with good.json, and bad.json of the given content."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.json").write_text(json.dumps(GOOD))

    def run(command: str, content: Any, *arguments: str) -> tuple[int, str, str]:
        if content is not None:
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / "bad.json").write_text(text)
        status = main([command, "good.json", "bad.json", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def changed(**of_result: Any) -> dict[str, Any]:
    """A bench whose one result has other values."""
    other = copy.deepcopy(OTHER)
    other["results"][0] |= of_result
    return other


DEEP: list[Any] = []
for _ in range(60):
    DEEP = [DEEP]

DAMAGED: dict[str, tuple[Any, str]] = {
    "empty": ("", "cannot be read as JSON (Input data was truncated); bench again"),
    "truncated": (json.dumps(OTHER)[:3000], "cannot be read as JSON (Input data was truncated); bench again"),
    "NaN": (json.dumps(OTHER).replace("210.0", "NaN"), "cannot be read as JSON (JSON is malformed: "),
    "layers": ('{"schema": 1, "device": ' + "[" * 5000, "cannot be read as JSON (maximum recursion depth"),
    "layers that JSON allows": (
        OTHER | {"environment": {"before": {"a": DEEP}}},
        "environment.before.a[0][0]",
    ),
    "later schema": (OTHER | {"schema": 9}, "schema 9, this edgeall reads up to 1: update edgeall\n"),
    "report of a later schema": ({"schema": 9, "benches": [OTHER]}, "schema 9, this edgeall reads up to 1"),
    "report without results": (
        {"schema": 1, "benches": []},
        "holds no results; make them with: edgeall bench\n",
    ),
    "list": ([1, 2], f"expected `object`, got `array`; {NO_RESULT}\n"),
    "wrong type": (changed(threads="one"), f"results[0].threads: expected `int`, got `str`; {NO_RESULT}\n"),
    "manifest.json": ({"artifacts": [], "failures": []}, f"schema: missing; {NO_RESULT}\n"),
    "run.json": ({"schema": 1, "backbone": "mobilenetv2", "pixels": {}}, f"device: missing; {NO_RESULT}\n"),
    "accuracy": (
        changed(accuracy={"value": 0.5, "low": 0.4, "high": 0.6}),
        "results[0]: accuracy.value is 0.5, not 0.954545, the share of its predictions",
    ),
    "AUC": (
        changed(auc={"value": 0.5, "low": 0.4, "high": 0.6}),
        "results[0]: auc.value is 0.5, not 1, that of its predictions",
    ),
    "F1": (changed(f1={"value": 0.5, "low": 0.4, "high": 0.6}), "results[0]: f1.value is 0.5, not 0.9"),
    "confusion": (
        changed(confusion={"tn": 1, "fp": 0, "fn": 0, "tp": 1}),
        "results[0]: confusion is {'tn': 1, 'fp': 0, 'fn': 0, 'tp': 1}, not ",
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named_in_one_line(name: str, command: str, call: Call) -> None:
    content, said = DAMAGED[name]
    status, out, err = call(command, content)
    assert (status, out) == (2, "")
    assert err.startswith(f"edgeall: bad.json: {said}")
    assert err.count("\n") == 1
    assert len(err) < 300


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_of_300_mb_is_not_read(command: str, call: Call, tmp_path: Path) -> None:
    with (tmp_path / "bad.json").open("wb") as file:
        file.truncate(300_000_000)
    status, _, err = call(command, None)
    assert status == 2
    assert err == "edgeall: bad.json: cannot be read as JSON (larger than 48 MiB); bench again\n"
    assert MAX_BYTES < 300_000_000


@pytest.mark.skipif(os.name == "nt", reason="a device file")
def test_what_has_no_size_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeall import documents

    monkeypatch.setattr(documents, "MAX_BYTES", 1 << 20)
    with pytest.raises(documents.DocumentError, match="larger than 1 MiB"):
        documents.load(Path("/dev/zero"))


class TestEmpty:
    @pytest.mark.parametrize("command", ["report", "recommend"])
    def test_a_bench_in_which_all_failed_is_told(
        self, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        failures = [{"artifact": "a.onnx", "error": "killed"}]
        (tmp_path / "none.json").write_text(json.dumps(document([], failures=failures)))
        main([command, str(tmp_path / "none.json")])
        said = capsys.readouterr()
        assert "Take this: nothing. There are no results.\n" in said.out
        assert "a.onnx" in said.out
        assert said.err == ""

    def test_compare_has_nothing_to_compare(self, call: Call) -> None:
        status, out, err = call("compare", document([]))
        assert (status, out) == (2, "")
        assert "good.json and bad.json have no result of the same format" in err.splitlines()[-1]


class TestMixed:
    def test_results_of_two_test_sets_are_not_compared_and_that_is_said(self, call: Call) -> None:
        other = document([result("densenet201", negatives=30, positives=20, medians=SLOW)])
        _, out, _ = call("report", other)
        text = " ".join(out.split())
        assert "Not all were tested on the same images as densenet201 TFLite float32 (50 images): " in text
        assert "on images that cannot be paired: no difference is claimed" in text
        for _, said in (call("report", other)[:2], call("recommend", other)[:2]):
            last = said.splitlines()
            assert last[-2].endswith("accuracy 100.0% of densenet201 TFLite float32 on other images.")
            assert last[-1].startswith(
                "Not known: How it compares with densenet201 TFLite float32: not tested on the same images."
            )

    def test_compare_refuses_images_with_two_truths(self, call: Call) -> None:
        status, _, err = call("compare", document([result(negatives=30, positives=20)]))
        assert status == 2
        assert "common test images have another truth on either side" in err

    def test_results_of_two_devices(self, call: Call) -> None:
        other = document([result("densenet201", medians=SLOW)], "rpi5")
        status, out, _ = call("report", other)
        assert status == 0
        assert [line for line in out.splitlines() if line in ("laptop", "rpi5")] == ["laptop", "rpi5"]
        status, _, err = call("recommend", other)
        assert (status, err) == (2, "edgeall: results of laptop, rpi5; say which with --device\n")
        assert call("recommend", other, "--device", "rpi5")[0] == 0

    @pytest.mark.parametrize("command", ["report", "recommend"])
    def test_an_artifact_that_was_measured_twice_is_told(self, command: str, call: Call) -> None:
        status, out, _ = call(command, document([result(wrong=[3], medians=(8.0, 8.1, 8.0, 8.0, 8.2))]))
        assert status == 0
        text = " ".join(out.split())
        assert "Which of its 2 measurements there holds." in text
        if command == "report":
            assert (
                "Measured more than once, each with a row of its own: mobilenetv2 TFLite float32 on 1 thread (2"
                in text
            )

    def test_the_same_file_twice_counts_once(self, call: Call) -> None:
        _, out, _ = call("report", GOOD)
        assert "more than once" not in out

    def test_an_artifact_twice_in_one_file_cannot_be_compared(self, call: Call) -> None:
        twice = document([result(), result(cold_start_ms=5.0)])
        status, _, err = call("compare", twice)
        assert status == 2
        assert err.startswith(
            "edgeall: bad.json: holds several results of mobilenetv2 TFLite float32, 1 thread; "
        )
