"""Whole batches and accelerators, carried out by real workers.

No GPU takes part: ONNX Runtime's CPU provider and OpenVINO's CPU device are named as accelerators.
"""

import dataclasses
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_run import draw, make_artifact, make_run

from edgeall.files import sha256_file
from edgeall.measuring import measurements
from edgeall.measuring.plan import BenchSettings, Plan, PlannedArtifact, PlannedImage
from edgeall.measuring.records import Record
from edgeall.measuring.runner import run_plan
from edgeall.runtimes import Accelerator

SETTINGS = BenchSettings(
    rounds=1,
    threads=(1,),
    warmup_seconds=0.0,
    min_runs=4,
    min_seconds=0.01,
    max_seconds=5,
    batches=(1, 3, 20),
)
ON_CPU = {"onnx": Accelerator("CPUExecutionProvider"), "openvino": Accelerator("CPU")}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("batches")
    draw(folder / "data", {"healthy": 10, "all": 10})
    run = make_run(folder / "runs" / "tiny", folder / "data")
    artifacts = [make_artifact(run, format, "float32") for format in ("onnx", "openvino")]
    images = tuple(
        PlannedImage(path.name, str(path), sha256_file(path)) for path in sorted(folder.glob("data/*/*.png"))
    )
    planned = tuple(PlannedArtifact.of(a, "test") for a in artifacts)
    return Plan(planned, {"test": images}, dataclasses.replace(SETTINGS, accelerators=ON_CPU))


@pytest.fixture(scope="module")
def records(plan: Plan) -> list[Record]:
    done = [message for message in run_plan(plan) if isinstance(message, Record)]
    assert [record.error for record in done] == [None] * len(done)
    return done


def test_each_batch_is_timed_apart_and_gives_each_image_its_answer(records: list[Record]) -> None:
    batches = [record for record in records if record.kind == "batch"]
    assert [record.batch for record in batches] == [3, 3, 20, 20]
    for record in batches:
        assert record.result is not None
        assert len(record.result["batch_ns"]) >= 3
        assert 0 <= record.result["difference"] < 1e-4


def test_copies_are_timed_apart_where_the_engine_can_and_said_to_be_hidden_where_not(
    records: list[Record],
) -> None:
    onnx, openvino = (record.result for record in records if record.kind == "latency")
    assert onnx is not None
    assert openvino is not None
    assert set(onnx["stages"]) == {"copy_in_ns", "compute_ns", "copy_out_ns"}
    assert len({len(timings) for timings in onnx["stages"].values()}) == 1
    assert (
        "cannot be told" in openvino["stages"]["reason"] or "not to be told" in openvino["stages"]["reason"]
    )


def test_where_it_ran_is_told_beside_the_precision(records: list[Record]) -> None:
    placed = [record.result["placement"] for record in records if record.kind == "accuracy" and record.result]
    assert [list(each) for each in placed] == [["CPUExecutionProvider"], ["CPU"]]


def test_what_computed_is_named_where_its_engine_tells(records: list[Record]) -> None:
    """OpenVINO's CPU device stands in a card's place, and is called what it is."""
    onnx, openvino = (
        record.result["card"] for record in records if record.kind == "accuracy" and record.result
    )
    assert onnx is None
    assert openvino["name"]
    assert (openvino["driver"], openvino["memory_bytes"]) == (None, None)


@pytest.mark.skipif(os.name == "nt", reason="the tool's mock is a shell script")
@pytest.mark.parametrize("provider", ["CUDAExecutionProvider", "TensorrtExecutionProvider"])
def test_nvidias_cards_are_named_by_their_drivers_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    """The session on a card and `nvidia-smi` are mocks here."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA Sample GPU, 550.54.15, 8192, 8.9'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    session = SimpleNamespace(accelerator=Accelerator(provider), card=None)
    told = measurements._card(session)  # type: ignore[arg-type]
    assert told is not None
    assert (told["name"], told["driver"], told["memory_bytes"]) == (
        *("NVIDIA Sample GPU", "550.54.15"),
        8 << 30,
    )


def test_the_processors_energy_is_not_given_for_an_accelerators(records: list[Record]) -> None:
    for record in (record for record in records if record.kind == "memory"):
        assert record.result is not None
        assert record.result["energy"]["joules_per_inference"] is None
        assert "not of the accelerator" in record.result["energy"]["reason"]
        assert set(record.result["card_memory"]) == {"bytes", "reason"}


def test_an_accelerator_that_is_missing_costs_the_artifact_and_nothing_runs_in_its_place(plan: Plan) -> None:
    absent = dataclasses.replace(
        plan.settings, batches=(1,), accelerators={**ON_CPU, "onnx": Accelerator("NoSuchProvider")}
    )
    done = [m for m in run_plan(dataclasses.replace(plan, settings=absent)) if isinstance(m, Record)]
    onnx = [record for record in done if record.artifact == plan.artifacts[0].sha256]
    assert len(onnx) == 3
    assert all(record.result is None and "NoSuchProvider" in (record.error or "") for record in onnx)
    assert all(record.error is None for record in done if record not in onnx)


def test_results_of_another_accelerator_are_others(plan: Plan) -> None:
    from edgeall.measuring.plan import jobs, key

    job = next(jobs(plan, 2))
    elsewhere = dataclasses.replace(plan.settings, accelerators={})
    assert key(plan, job, {}) != key(dataclasses.replace(plan, settings=elsewhere), job, {})
