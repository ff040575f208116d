"""`edgeall recommend` as a user calls it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from bench_documents import document, journey, result

from edgeall.cli.main import main

Recommend = Callable[..., tuple[int, str, str]]


@pytest.fixture
def recommend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Recommend:
    """In a folder with a run that was benched on rpi5 and on rpi4, where OpenVINO's INT8 did not run."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "one" / "bench"
    folder.mkdir(parents=True)
    failure = {"artifact": "runs/one/exports/one_openvino-int8.xml", "error": "object is not initialized"}
    (folder / "rpi5.json").write_text(json.dumps(journey() | {"device": document([], "rpi5")["device"]}))
    (folder / "rpi4.json").write_text(json.dumps(document([result()], "rpi4", failures=[failure])))

    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(["recommend", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


LIMITS = ("--max-latency", "50ms", "--min-sensitivity", "0.6", "--max-size", "10MB", "--max-memory", "100MB")


def test_the_answer_comes_last_in_three_lines(recommend: Recommend) -> None:
    status, out, err = recommend("--device", "rpi5", *LIMITS)
    assert (status, err) == (0, "")
    *_, take, because, unknown = out.splitlines()
    assert take.startswith("Take this: mobilenetv2 TFLite INT8 on 2 threads: ")
    assert because.startswith("Because: Shown to keep every limit: latency up to 2.9")
    assert unknown.startswith("Not known: ")


def test_json_holds_constraints_candidates_front_and_choice(recommend: Recommend) -> None:
    status, out, _ = recommend("--device", "rpi5", "--json", *LIMITS)
    found = json.loads(out)
    assert status == 0
    assert list(found) == [
        *("device", "constraints", "candidates", "front", "choice", "threads", "because", "not_known")
    ]
    assert found["constraints"]["max_latency_ms"] == 50.0
    assert found["constraints"]["max_size_bytes"] == 10e6
    assert found["choice"] in found["front"]
    feasible = [each for each in found["candidates"] if each["feasible"]]
    assert {each["backbone"] for each in feasible} == {"mobilenetv2"}
    assert all(each["reasons"] for each in found["candidates"] if not each["feasible"])


def test_what_did_not_run_there_is_named(recommend: Recommend) -> None:
    status, out, _ = recommend("--device", "rpi4", "--json")
    found = json.loads(out)
    assert status == 0
    assert found["candidates"][-1]["reasons"] == ["did not run there: object is not initialized"]


def test_openvino_int8_that_a_pi_4_cannot_compile_is_never_taken(
    recommend: Recommend, tmp_path: Path
) -> None:
    """Not even where another session measured it: OpenVINO 2026.4 says "object is not initialized" on a Pi 4."""
    quick = result(format="openvino", precision="int8", base_wrong=[], medians=[0.1, 0.1, 0.1], size_mb=0.1)
    failure = {"artifact": quick["artifact"], "sha256": quick["sha256"], "error": "object is not initialized"}
    file = tmp_path / "rpi4.json"
    file.write_text(json.dumps(document([result(), quick], "rpi4", failures=[failure])))
    status, out, _ = recommend(str(file), "--device", "rpi4", "--max-latency", "50ms", "--json")
    found = json.loads(out)
    assert status == 0
    (candidate,) = [each for each in found["candidates"] if each["format"] == "openvino"]
    assert candidate["feasible"] is False
    assert candidate["reasons"][0] == "failed there: object is not initialized"
    assert candidate["artifact"] not in [*found["front"], found["choice"]]


def test_a_format_that_the_profile_does_not_run_is_never_taken(
    recommend: Recommend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = tmp_path / "config" / "edgeall" / "devices"
    profiles.mkdir(parents=True)
    (profiles / "scope.toml").write_text('reach = "local"\nformats = ["tflite"]\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    quick = result(format="onnx", medians=[0.1, 0.1, 0.1])
    file = tmp_path / "scope.json"
    file.write_text(json.dumps(document([result(), quick], "scope")))
    found = json.loads(recommend(str(file), "--json")[1])
    assert found["choice"] == result()["artifact"]
    (candidate,) = [each for each in found["candidates"] if each["format"] == "onnx"]
    assert candidate["reasons"] == ["the device's profile does not run onnx"]


def test_status_1_where_the_data_do_not_decide(recommend: Recommend) -> None:
    status, out, err = recommend("--device", "rpi5", "--min-sensitivity", "0.95")
    assert (status, err) == (1, "")
    assert "Take this: nothing. The data do not decide whether the limits are kept." in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "edgeall: results of rpi4, rpi5; say which with --device"),
        (("--device", "rpi9"), "edgeall: no results of device rpi9 (there are: rpi4, rpi5)"),
        (("--device", "rpi5", "--max-size", "10"), "edgeall: --max-size '10': a unit is missing"),
        (("nowhere",), "edgeall: nowhere: no such result file or run"),
    ],
)
def test_wrong_usage_is_told_in_one_line(recommend: Recommend, arguments: tuple[str, ...], said: str) -> None:
    status, out, err = recommend(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(said)
    assert err.count("\n") == 1


def test_no_results_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["recommend"]) == 2
    assert "make them with edgeall bench" in capsys.readouterr().err
