"""Several runs as one model: the mean of what they say, at the cost of all."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from small_run import DECISION, FINGERPRINT, PIXELS, draw, make_run, write_network
from tiny_bench import bench

from edgeall import artifact, predictions, runs, runtimes
from edgeall.artifact import Decision, Metadata, Parity, Provenance
from edgeall.benching import find_artifacts, find_ensembles
from edgeall.comparing import compare
from edgeall.ensembling import Ensemble, load, member_runs
from edgeall.ensembling.make import make_ensemble
from edgeall.errors import RunError, UsageError
from edgeall.measuring.plan import BenchSettings
from edgeall.pixels import read_image
from edgeall.predictions import Predictions
from edgeall.runs import Run
from edgeall.targets import load_profile

SHORT = BenchSettings(
    rounds=2, threads=(1,), warmup_seconds=0.01, min_runs=12, min_seconds=0.02, max_seconds=5
)
BIASES = {"mobilenetv2": 0.0, "inceptionv3": 1.5}


def member(folder: Path, backbone: str, bias: float) -> Run:
    """A run whose network leans to one side by `bias`, its artifact, and what the artifact says as predictions."""
    run = dataclasses.replace(
        make_run(folder / "runs" / backbone, folder / "data"),
        backbone=backbone,
        calibration={"method": "temperature", "scale": 1.0, "offset": 0.0, "n": 10},
    )
    run.model_path.write_bytes(f"stands for {backbone}".encode())
    runs.save(run)
    run.exports.mkdir()
    path = run.exports / f"{backbone}_onnx-fp32.onnx"
    write_network(path)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name == "bias":
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + np.float32(bias), "bias"))
    onnx.save(model, path)
    provenance = Provenance(
        backbone, backbone, "gap", "random weights", "image-folder", FINGERPRINT, "Apache-2.0"
    )
    sealed = artifact.seal(
        path,
        Metadata("onnx", "float32", PIXELS, DECISION, provenance, parity=Parity(8, 1.0, 1e-3, 1e-4, True)),
    )
    said = {}
    with runtimes.open_session(sealed) as session:
        for part in runs.PARTS:
            members = run.split.part(part)
            images = np.stack([read_image(path, PIXELS.size) for path in run.images(part)])
            said[part] = Predictions(
                tuple(each.name for each in members),
                (None,) * len(members),
                np.array(run.class_indices(part)),
                np.asarray(session.predict(images), dtype=np.float64),
                np.full(len(members), DECISION.threshold),
            )
    predictions.write(run.path / predictions.FILE, said, DECISION.labels)
    return run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    draw(folder / "data", {"healthy": 16, "all": 16})
    for backbone, bias in BIASES.items():
        member(folder, backbone, bias)
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "runs", tmp_path / "runs"))


def both(here: Path, **options: object) -> Ensemble:
    return make_ensemble([here / name for name in BIASES], here, **options)  # type: ignore[arg-type]


def said(run: Path, part: str = "test") -> Predictions:
    return predictions.read(run / predictions.FILE, DECISION.labels)[part]


def test_it_says_the_mean_of_what_its_members_say(here: Path) -> None:
    ensemble = both(here)
    assert ensemble.path == here / "mobilenetv2+inceptionv3"
    for part in runs.PARTS:
        mean = np.mean([said(here / name, part).probabilities for name in BIASES], axis=0)
        np.testing.assert_allclose(said(ensemble.path, part).probabilities, mean)
        assert ensemble.metrics[part]["n"] == len(mean)
    scores = said(ensemble.path).probabilities[:, 1]
    right = (scores >= ensemble.decision.threshold) == (said(ensemble.path).truth == 1)
    assert ensemble.metrics["test"]["accuracy"]["value"] == right.mean()
    assert ensemble.metrics["val"]["person_cut"] == {"cut": None, "reason": "people are not known"}
    assert ensemble.params["total"] == 60
    assert (ensemble.path / "evaluation" / "evaluation.md").exists()
    assert load(ensemble.path) == dataclasses.replace(ensemble, members=load(ensemble.path).members)
    assert [run.name for run in member_runs(ensemble.path)] == list(BIASES)
    assert [run.name for run in member_runs(here / "mobilenetv2")] == ["mobilenetv2"]


def test_runs_and_their_ensemble_may_move_together(here: Path, tmp_path: Path) -> None:
    both(here)
    here.rename(tmp_path / "elsewhere")
    moved = tmp_path / "elsewhere" / "mobilenetv2+inceptionv3"
    assert [run.path.parent.name for run in member_runs(moved)] == ["elsewhere", "elsewhere"]


def test_a_wanted_sensitivity_and_specificity_make_a_band(here: Path) -> None:
    ensemble = both(here, min_sensitivity=1.0, min_specificity=1.0)
    scores, truth = said(ensemble.path, "val").probabilities[:, 1], said(ensemble.path, "val").truth
    low, high = ensemble.decision.refer or (ensemble.decision.threshold,) * 2
    assert (scores[truth == 1] >= low).all()
    assert (scores[truth == 0] < high).all()


def test_benched_as_one_it_costs_what_its_members_cost_together(here: Path) -> None:
    ensemble = both(here)
    document = bench(
        find_artifacts([ensemble.path]),
        load_profile("laptop"),
        SHORT,
        ensembles=find_ensembles([ensemble.path]),
    )
    *members, whole = document["results"]
    assert [row["backbone"] for row in members] == list(BIASES)
    assert whole["backbone"] == "mobilenetv2+inceptionv3"
    assert whole["members"] == [row["artifact"] for row in members]
    for key in ("size_bytes", "peak_rss_bytes"):
        assert whole[key] == sum(row[key] for row in members)
    raw = [row["latency_ms"]["raw"] for row in members]
    per_round = [[r["n"] for r in row["latency_ms"]["rounds"]] for row in members]
    assert whole["latency_ms"]["n"] == sum(min(counts) for counts in zip(*per_round, strict=True))
    assert whole["latency_ms"]["raw"][0] == pytest.approx(raw[0][0] + raw[1][0])
    assert whole["latency_ms"]["min"] >= sum(row["latency_ms"]["min"] for row in members) - 1e-9
    mean = np.mean([row["predictions"]["scores"] for row in members], axis=0)
    np.testing.assert_allclose(whole["predictions"]["scores"], mean)
    assert whole["accuracy"]["value"] == ensemble.metrics["test"]["accuracy"]["value"]
    assert whole["threshold"] == ensemble.decision.threshold
    kept = json.loads((ensemble.path / "bench" / "laptop.json").read_text())
    assert [row["sha256"] for row in kept["results"]] == [whole["sha256"]]
    # Its members' own results are where they always are, and nothing is measured twice.
    again = bench(
        find_artifacts([ensemble.path]),
        load_profile("laptop"),
        SHORT,
        ensembles=find_ensembles([ensemble.path]),
    )
    assert again["results"][-1]["latency_ms"] == whole["latency_ms"]


def test_it_is_compared_with_its_members(here: Path) -> None:
    ensemble = both(here)
    outcome = compare([here / "mobilenetv2", ensemble.path])
    assert [source.name for source in outcome.sources] == ["mobilenetv2", "mobilenetv2+inceptionv3"]


def test_members_without_exports_are_named(here: Path) -> None:
    ensemble = both(here)
    shutil.rmtree(here / "inceptionv3" / "exports")
    with pytest.raises(RunError, match="inceptionv3: has no exports"):
        find_artifacts([ensemble.path])


def change(path: Path, **values: Any) -> None:
    run = dataclasses.replace(runs.load(path), **values)
    data = dataclasses.replace(run.data, fingerprint=runs.fingerprint(run.split.train))
    runs.save(dataclasses.replace(run, data=data))


def test_what_makes_no_ensemble_is_refused_with_its_reason(here: Path) -> None:
    with pytest.raises(UsageError, match="two or more"):
        make_ensemble([here / "mobilenetv2"], here)
    with pytest.raises(UsageError, match="are the same model"):
        make_ensemble([here / "mobilenetv2"] * 2, here)
    with pytest.raises(UsageError, match="needs both"):
        both(here, min_sensitivity=0.9)
    with pytest.raises(UsageError, match="within 0 and 1"):
        both(here, min_sensitivity=2.0, min_specificity=0.9)
    with pytest.raises(UsageError, match="is no name for a run"):
        both(here, name="../elsewhere")
    with pytest.raises(UsageError, match="exists already"):
        both(here, name="mobilenetv2")
    with pytest.raises(UsageError, match="is not an ensemble, so it is not replaced"):
        both(here, name="mobilenetv2", overwrite=True)
    other = here / "inceptionv3"
    split = runs.load(other).split
    change(other, split=dataclasses.replace(split, test=split.val, val=split.test))
    with pytest.raises(UsageError, match=r"were split differently.*--split FILE"):
        both(here)
    train = (*split.train, split.test[0])
    change(other, split=dataclasses.replace(split, train=train, test=split.test[1:]))
    with pytest.raises(
        UsageError, match=r"1 of mobilenetv2's 12 test images trained inceptionv3.*--split FILE"
    ):
        both(here)
    first, *rest = split.val
    relabelled = dataclasses.replace(first, label="all" if first.label == "healthy" else "healthy")
    change(other, split=dataclasses.replace(split, val=(relabelled, *rest)))
    with pytest.raises(UsageError, match=r"\.png is labelled '.*' in inceptionv3 and '.*' in mobilenetv2"):
        both(here)
    named = {
        part: tuple(
            dataclasses.replace(each, label=each.label.replace("healthy", "hem")) for each in split.part(part)
        )
        for part in runs.PARTS
    }
    change(other, split=dataclasses.replace(split, **named), decision=Decision(("hem", "all"), ("all",), 0.5))
    with pytest.raises(UsageError, match="labels hem, all"):
        both(here)


def test_images_are_known_by_their_bytes_not_by_their_order(here: Path) -> None:
    mean = said(both(here).path).probabilities
    other = here / "inceptionv3"
    every = predictions.read(other / predictions.FILE, DECISION.labels)
    turned = {
        part: Predictions(
            each.images[::-1], each.subjects, each.truth[::-1], each.probabilities[::-1], each.thresholds
        )
        for part, each in every.items()
    }
    predictions.write(other / predictions.FILE, turned, DECISION.labels)
    np.testing.assert_array_equal(said(both(here, overwrite=True).path).probabilities, mean)


def test_members_that_learned_from_different_images_have_no_training_figures(here: Path) -> None:
    other = here / "inceptionv3"
    split = runs.load(other).split
    gone = split.train[-1].name
    change(other, split=dataclasses.replace(split, train=split.train[:-1]))
    file = other / predictions.FILE
    file.write_text("".join(line for line in file.read_text().splitlines(True) if gone not in line))
    assert set(both(here).metrics) == {"val", "test"}


def test_what_tempers_its_figures_stands_beside_them(here: Path) -> None:
    other = here / "inceptionv3"
    split = dataclasses.replace(runs.load(other).split, grouped_by="unknown")
    change(other, split=split, calibration={})
    ensemble = both(here)
    page = (ensemble.path / "evaluation" / "evaluation.md").read_text()
    assert "Averaged without calibration: inceptionv3." in page
    assert "The training images are not known" in page
    assert ensemble.grouped_by == load(ensemble.path).grouped_by == "unknown"


def test_a_member_without_predictions_is_named(here: Path) -> None:
    (here / "inceptionv3" / predictions.FILE).unlink()
    with pytest.raises(RunError, match=r"inceptionv3.predictions\.csv: not there"):
        both(here)


def test_predictions_of_other_images_are_not_taken_for_the_runs(here: Path) -> None:
    file = here / "inceptionv3" / predictions.FILE
    file.write_text("".join(file.read_text().splitlines(True)[:-1]))
    with pytest.raises(RunError, match="its test images are not those of the run"):
        both(here)


def test_an_ensemble_of_which_nothing_was_measured_is_a_failure(here: Path) -> None:
    ensemble = both(here)
    paths = find_artifacts([ensemble.path])
    document = bench(paths[:1], load_profile("laptop"), SHORT, ensembles=[ensemble])
    assert [failure["artifact"] for failure in document["failures"]] == [str(ensemble.path)]
    assert "edgeall export" in document["failures"][0]["error"]


def test_a_member_that_changed_or_went_is_noticed(here: Path) -> None:
    ensemble = both(here)
    (here / "inceptionv3" / "model.keras").write_bytes(b"trained again")
    with pytest.raises(RunError, match="inceptionv3 was trained again since"):
        load(ensemble.path)
    (here / "inceptionv3" / "model.keras").unlink()
    with pytest.raises(RunError, match="is not there"):
        load(ensemble.path)


@pytest.mark.parametrize(
    "damage", ["", "{}", '{"schema": 1}', '{"schema": 9}', "[]", '{"schema": 1, "decision": 3}']
)
def test_a_damaged_folder_is_named(tmp_path: Path, damage: str) -> None:
    (tmp_path / "ensemble.json").write_text(damage)
    with pytest.raises(RunError, match="make the ensemble again"):
        load(tmp_path)
