"""A run becomes six artifacts that run in their own engines, and say what they are."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from keras_run import CAFFE, copy_run, make_keras_run, with_threshold

from edgeall import artifact, files, pixels, runs, runtimes
from edgeall.artifact import FORMATS
from edgeall.errors import ExportError, RunError, UsageError
from edgeall.exporting import Exported, choose, export_run, export_runs, load_recipe
from edgeall.exporting.manifest import read

Made = tuple[runs.Run, list[Exported]]
SIX = [(format, precision) for format in FORMATS for precision in ("float32", "int8")]


def test_six_artifacts_keep_their_tolerance(exported: Made) -> None:
    run, made = exported
    assert [(each.format, each.precision) for each in made] == SIX
    for each in made:
        assert each.parity.passed, each
        assert each.parity.n == len(run.split.val)
        assert not each.cached
        assert each.path.parent == run.exports


def test_int8_is_int8_all_through(exported: Made) -> None:
    for each in exported[1]:
        assert each.left_in_float == ()
        with runtimes.open_session(artifact.read(each.path)) as session:
            executed = session.executed_precision()
        assert executed.dominant == each.precision
        assert set(executed.operators) == {each.precision}


def test_an_artifact_alone_says_all(exported: Made) -> None:
    run, made = exported
    for each in made:
        found = artifact.read(each.path)
        metadata = found.metadata
        assert (found.sha256, found.size_bytes) == (each.sha256, each.size_bytes)
        assert (metadata.pixels, metadata.decision, metadata.parity) == (
            run.pixels,
            run.decision,
            each.parity,
        )
        assert metadata.recipe["name"] == each.path.stem.removeprefix(f"{run.name}_")
        assert metadata.provenance.run == run.name
        assert metadata.provenance.data_fingerprint == run.data.fingerprint
        assert metadata.provenance.model_sha256 == files.sha256_file(run.model_path)
        assert metadata.provenance.licence == run.licence
        assert metadata.intended_use == artifact.INTENDED_USE
        assert metadata.calibration == artifact.Calibration("platt", 0.8, -0.125, 16)
        assert run.domain is not None
        assert metadata.domain == run.domain
        assert {"edgeall", "keras", "tensorflow"} <= set(metadata.provenance.versions)
        # The run was not tested, and names no people.
        assert (metadata.test, metadata.person_cut) == (None, None)
        assert metadata.no_person_cut == "people are not known"


def test_recorded_parity_is_what_the_artifact_does(exported: Made) -> None:
    """Scored again here, by another way, against the Keras model itself."""
    import keras

    run, made = exported
    images = np.stack([pixels.read_image(path, run.pixels.size) for path in run.images("val")])
    model = keras.saving.load_model(run.model_path, compile=False)
    expected = np.asarray(model(run.pixels.apply(images)))[:, 0]
    for each in made:
        with runtimes.open_session(artifact.read(each.path)) as session:
            difference = np.abs(session.predict(images)[:, 1] - expected)
        assert difference.mean() == pytest.approx(each.parity.mean_abs_diff, abs=1e-4)
        assert difference.max() == pytest.approx(each.parity.max_abs_diff, abs=1e-3)


def test_the_manifest_is_the_result_and_can_be_moved(exported: Made) -> None:
    run, made = exported
    entries = json.loads((run.exports / "manifest.json").read_text())["artifacts"]
    assert {entry["path"] for entry in entries} == {f"exports/{each.path.name}" for each in made}
    promised = {
        *("path", "run", "backbone", "format", "precision", "size_bytes", "sha256", "seconds"),
        *("parity", "fallbacks", "cached"),
    }
    for entry in entries:
        assert promised <= set(entry)
        assert {"n", "agreement", "max_abs_diff", "mean_abs_diff", "passed"} <= set(entry["parity"])
        assert {"accuracy_delta", "auc_delta", "auc_delta_low", "auc_delta_high"} <= set(entry["parity"])
        assert read(run)[Path(entry["path"]).name].path.is_file()


def test_nothing_else_is_left_behind(exported: Made) -> None:
    run, made = exported
    expected = {file.name for each in made for file in artifact.files_of(each.path)} | {"manifest.json"}
    # Kept for other formats and for pooling: the shared INT8 model, and answers to validation images.
    assert {file.name for file in run.exports.iterdir()} - {".int8"} == expected | {".answers"}


def test_unchanged_inputs_are_cached(exported: Made) -> None:
    run, made = exported
    before = {file: file.stat().st_mtime_ns for file in run.exports.iterdir()}
    again = export_run(run, choose(FORMATS, ("float32", "int8")), overwrite=True)
    assert all(each.cached for each in again)
    assert [dataclasses.replace(each, cached=False) for each in again] == made
    assert {file: file.stat().st_mtime_ns for file in run.exports.iterdir()} == before


def test_another_calibration_concerns_int8_alone(exported: Made) -> None:
    run, _ = exported
    int8, fp32 = load_recipe("onnx-int8"), load_recipe("onnx-fp32")
    assert int8.calibration is not None
    other = dataclasses.replace(int8, calibration=dataclasses.replace(int8.calibration, images=5))
    assert export_run(run, [fp32])[0].cached
    with pytest.raises(UsageError, match=r"cells_onnx-int8.onnx: .*--overwrite"):
        export_run(run, [fp32, other])


def test_a_softmax_over_bgr_pixels(tmp_path: Path) -> None:
    run = make_keras_run(tmp_path / "kinds", classes=3, mapping=CAFFE)
    for each in export_run(run, choose(FORMATS, ("int8",))):
        assert each.parity.mean_abs_diff < 0.05
        # OpenVINO computes a softmax in float, and an addition that the shared model rounds; behind the last
        # integer layer the former is as good as the boundary.
        assert set(each.left_in_float) <= (
            {"1 Softmax", "1 Subgraph"} if each.format == "openvino" else set()
        )
        with runtimes.open_session(artifact.read(each.path)) as session:
            answers = session.predict(np.stack([pixels.read_image(p, 32) for p in run.images("val")]))
        assert answers.shape == (len(run.split.val), 3)
        np.testing.assert_allclose(answers.sum(axis=1), 1, atol=0.02)


@pytest.mark.real_workers("convert")
def test_an_altered_or_changed_artifact_is_made_again_only_if_told_so(run: runs.Run) -> None:
    recipe = load_recipe("onnx-fp32")
    (first,) = export_run(run, [recipe])
    with first.path.open("ab") as file:
        file.write(b"\x00")
    with pytest.raises(UsageError, match="--overwrite"):
        export_run(run, [recipe])
    (mended,) = export_run(run, [recipe], overwrite=True)
    assert (mended.cached, mended.sha256) == (False, first.sha256)
    (decided,) = export_run(with_threshold(run, 0.7), [recipe], overwrite=True)
    assert not decided.cached
    assert artifact.read(decided.path).metadata.decision.threshold == 0.7


def test_a_converter_that_fails_does_not_take_the_others_with_it(run: runs.Run, tmp_path: Path) -> None:
    int8 = load_recipe("onnx-int8")
    assert int8.calibration is not None
    # Checked when a recipe is read; one made in code can still ask for what no converter knows.
    impossible = dataclasses.replace(
        int8,
        name="impossible",
        calibration=dataclasses.replace(int8.calibration, method="divination"),
        fine_tuning=None,
    )
    outcome = export_runs([run], [impossible, load_recipe("onnx-fp32")])
    assert [each.path.name for each in outcome.exported] == ["own_onnx-fp32.onnx"]
    (failure,) = outcome.failures
    assert (failure.recipe, failure.run) == ("impossible", "own")
    assert "divination" in failure.error
    with pytest.raises(ExportError, match="impossible"):
        export_run(run, [impossible])


def test_images_that_are_gone_are_asked_for(run: runs.Run, tmp_path: Path) -> None:
    run.data.root.rename(tmp_path / "moved")
    with pytest.raises(RunError, match="--data DIR"):
        export_run(run, [load_recipe("onnx-int8")])
    assert export_run(run, [load_recipe("onnx-fp32")], data=tmp_path / "moved")


def test_a_run_without_its_images_does_not_take_the_others_with_it(run: runs.Run, tmp_path: Path) -> None:
    lost = copy_run(run, tmp_path / "lost")
    shutil.rmtree(lost.data.root)
    outcome = export_runs([lost, run], [load_recipe("onnx-fp32")])
    assert [each.run for each in outcome.exported] == ["own"]
    assert [failure.run for failure in outcome.failures] == ["lost"]
    assert "--data DIR" in outcome.failures[0].error


def test_two_recipes_of_one_name_are_refused(run: runs.Run) -> None:
    recipe = load_recipe("onnx-fp32")
    with pytest.raises(UsageError, match="two recipes have the name 'onnx-fp32'"):
        export_run(run, [recipe, dataclasses.replace(recipe, format="openvino")])


KILLED = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from edgeall import runs
from edgeall.exporting import choose, export_run

class Killer:
    def note(self, text):
        pass
    @contextmanager
    def stage(self, title, total):
        yield lambda steps: os.kill(os.getpid(), signal.SIGKILL)

export_run(runs.load(Path(sys.argv[1])), choose(["onnx", "openvino"], ["float32"]), jobs=1, progress=Killer())
"""


def test_killed_half_way_it_goes_on_from_what_was_finished(run: runs.Run) -> None:
    died = subprocess.run([sys.executable, "-c", KILLED, str(run.path)], capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    visible = [file for file in run.exports.iterdir() if artifact.is_artifact_name(file)]
    assert len(visible) == 1
    whole = artifact.read(visible[0])
    made = export_run(run, choose(["onnx", "openvino"], ["float32"]))
    assert [each.cached for each in made] == [each.path == visible[0] for each in made]
    assert whole.sha256 in {each.sha256 for each in made}
    assert not [file for file in run.exports.iterdir() if file.name.startswith(".")]


def test_two_at_once_do_not_disturb_each_other(run: runs.Run) -> None:
    import fcntl

    run.exports.mkdir()
    other = os.open(run.exports, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        with pytest.raises(UsageError, match="another edgeall export"):
            export_run(run, [load_recipe("onnx-fp32")])
    finally:
        os.close(other)
