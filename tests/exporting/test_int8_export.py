"""INT8 from end to end: methods compared, the best taken, one model for all formats, and what is kept of the work."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from keras_run import copy_run

from edgeall import artifact, pixels, runs, runtimes
from edgeall.artifact import FORMATS
from edgeall.errors import UsageError
from edgeall.exporting import (
    Exported,
    Options,
    Recipe,
    calibration_images,
    export_run,
    export_runs,
    load_recipe,
    pooling,
    read_folder,
)
from edgeall.exporting.recipes import FineTuning, Tolerance
from edgeall.shifts.mild import FOR_EXPORT

ANYTHING = Tolerance(images=20, auc_fall=1.0, auc_fall_bound=1.0, agreement=0.0)
"""Few validation images prove little; what is tested here is not the gate."""


def recipe(format: str, *, images: int = 16, parity: Tolerance = ANYTHING) -> Recipe:
    """The format's INT8 recipe, quick."""
    made = load_recipe(f"{format}-int8")
    assert made.calibration is not None
    return dataclasses.replace(
        made,
        calibration=dataclasses.replace(made.calibration, images=images),
        parity=parity,
        fine_tuning=FineTuning(images=16, epochs=1),
    )


def answers(run: runs.Run, each: Exported) -> np.ndarray:
    images = np.stack([pixels.read_image(path, run.pixels.size) for path in run.images("val")])
    with runtimes.open_session(artifact.read(each.path)) as session:
        return session.predict(images)


Made = tuple[runs.Run, list[Exported]]


def integers(made: Made) -> list[Exported]:
    return [each for each in made[1] if each.precision == "int8"]


def test_every_format_compares_its_own_calibration_with_the_shared_model(exported: Made) -> None:
    for each in integers(exported):
        assert [row["method"] for row in each.fallbacks] == ["min-max", "bias-correction"]
        assert each.method in ("min-max", "bias-correction")
        for row in each.fallbacks:
            assert row["outcome"] in ("passed", "unproven", "failed")
            assert row["size_bytes"] > 0
            assert row["speed"]["ratio"] > 0


def test_nothing_is_computed_in_float(exported: Made) -> None:
    assert [each.left_in_float for each in integers(exported)] == [()] * 3


def test_what_artifacts_say_of_their_int8(exported: Made) -> None:
    for each in integers(exported):
        metadata = artifact.read(each.path).metadata
        about, parity = metadata.quantization, metadata.parity
        assert (about["method"], about["shared"]) == (each.method, each.shared)
        assert parity == each.parity
        assert [shift.name for shift in parity.shifts] == list(FOR_EXPORT)
        assert parity.noise is not None
        # One machine's clock is in the manifest alone.
        assert each.speed is not None
        assert "speed" not in json.dumps(about)


def test_formats_of_one_model_answer_alike_and_decide_alike(run: runs.Run) -> None:
    """By training, which is compared with nothing where it alone is asked for."""
    options = Options(int8_method="qat")
    made = export_run(run, [recipe(format) for format in FORMATS], options=options)
    assert len({each.shared for each in made}) == 1
    assert (made[0].shared or "").endswith("-fine-tuning")
    given = [answers(run, each) for each in made]
    for each, these in zip(made, given, strict=True):
        assert (each.method, each.fallbacks, each.left_in_float) == ("fine-tuning", (), ())
        assert np.abs(these - given[0]).mean() <= 0.005
    decisions = {artifact.read(each.path).metadata.decision for each in made}
    assert len(decisions) == 1


@pytest.mark.real_workers("quantize", "write")
def test_the_shared_model_is_made_once(run: runs.Run) -> None:
    """One format's artifact is lost; it is made again from what was kept, the same to the byte."""
    wanted, options = [recipe("onnx"), recipe("tflite")], Options(int8_method="qat")
    made = export_run(run, wanted, options=options)
    assert all(each.cached for each in export_run(run, wanted, options=options))
    before = made[0].path.read_bytes()
    kept = {file: file.stat().st_mtime_ns for file in (run.exports / ".int8").iterdir()}
    made[0].path.unlink()
    remade = export_run(run, wanted, options=options)
    assert [each.cached for each in remade] == [False, True]
    assert {file: file.stat().st_mtime_ns for file in (run.exports / ".int8").iterdir()} == kept
    assert remade[0].path.read_bytes()[:1000] == before[:1000]
    assert dataclasses.replace(remade[0].parity, noise=None) == dataclasses.replace(
        made[0].parity, noise=None
    )


def test_calibration_alone_if_asked_for(run: runs.Run) -> None:
    (made,) = export_run(run, [recipe("onnx")], options=Options(int8_method="ptq"))
    assert (made.method, made.shared, made.fallbacks) == ("min-max", None, ())


def without_most_training_images(run: runs.Run, images: int) -> Recipe:
    """A recipe that calibrates on `images` training images; all others are deleted."""
    chosen = recipe("onnx", images=images)
    assert chosen.calibration is not None
    needed = calibration_images.select(run.split.train, images, chosen.calibration.seed)
    for member in set(run.split.train) - set(needed):
        (run.data.root / member.name).unlink()
    return chosen


def test_training_without_images_says_so(run: runs.Run) -> None:
    chosen = without_most_training_images(run, 4)
    outcome = export_runs([run], [chosen], Options(int8_method="qat"))
    assert "not at hand" in outcome.failures[0].error


def test_what_failed_stays_failed_until_the_user_says_otherwise(run: runs.Run, tmp_path: Path) -> None:
    """Training images that are at hand again are learned from, and what was made on the way is kept till then."""
    shutil.copytree(run.data.root, tmp_path / "whole")
    impossible = dataclasses.replace(
        without_most_training_images(run, 4), parity=Tolerance(images=20, mean_abs_diff=0.0)
    )
    (short,) = export_run(run, [impossible])
    by_method = {each["method"]: each for each in short.fallbacks}
    assert set(by_method) == {"min-max", "bias-correction", "fine-tuning"}
    assert short.parity.word == "failed"
    assert "not at hand" in by_method["fine-tuning"]["error"]
    assert export_run(run, [impossible])[0].cached
    assert {file.suffix for file in (run.exports / ".int8").iterdir()} == {".npz", ".json"}
    (made,) = export_run(run, [impossible], data=tmp_path / "whole")
    assert not made.cached
    assert {each["method"]: each for each in made.fallbacks}["fine-tuning"]["n"] > 0
    assert export_run(run, [impossible], data=tmp_path / "whole")[0].cached
    (good,) = export_run(run, [recipe("onnx", images=4)], overwrite=True, data=tmp_path / "whole")
    assert good.parity.word != "failed"
    assert {file.stem for file in (run.exports / ".int8").glob("*")} <= {good.shared}


def test_a_network_that_int8_ruins_does_not_pass(brittle: runs.Run, tmp_path: Path) -> None:
    """Its two large weights become one code; all that is left to a method is chance."""
    run = copy_run(brittle, tmp_path / "own")
    outcome = export_runs([run], [recipe("onnx", parity=load_recipe("onnx-int8").parity)])
    assert all(each.parity.word != "passed" and each.parity.reasons for each in outcome.exported)
    assert all("for every image" in failure.error for failure in outcome.failures)


def test_an_unknown_method_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'qat'"):
        Options(int8_method="qatt")  # type: ignore[arg-type]


def test_integer_boundary_and_dynamic_ranges(run: runs.Run) -> None:
    dynamic, integer = load_recipe("tflite-dynamic"), load_recipe("tflite-int8-io")
    made = export_run(run, [integer, dynamic])
    with runtimes.open_session(artifact.read(made[0].path)) as session:
        image = np.zeros((32, 32, 3), np.uint8)
        assert session.prepare(image).dtype == np.int8
        assert session.infer(session.prepare(image)).dtype == np.int8
        assert session.executed_precision().conversions == 0
    with runtimes.open_session(artifact.read(made[1].path)) as session:
        assert session.prepare(image).dtype == np.float32
    assert all(each.parity.word != "failed" for each in made)


def test_the_shared_model_with_an_integer_boundary_answers_as_with_a_float_one(run: runs.Run) -> None:
    boundary = load_recipe("tflite-int8").quantization
    assert boundary is not None
    integer = dataclasses.replace(
        recipe("tflite"), name="io", quantization=dataclasses.replace(boundary, boundary="int8")
    )
    one, other = export_run(run, [recipe("tflite"), integer], options=Options(int8_method="qat"))
    assert other.shared == one.shared
    np.testing.assert_allclose(answers(run, other), answers(run, one), atol=0.02)


def test_images_of_ones_own_to_calibrate_on_and_to_be_compared_on(run: runs.Run) -> None:
    given = read_folder(run.data.root, 32)
    own = dataclasses.replace(run, split=dataclasses.replace(run.split, train=()))
    (failure,) = export_runs([own], [recipe("onnx")]).failures
    assert "--calibration DIR" in failure.error
    options = Options(calibration=given, also=given, int8_method="ptq")
    (made,) = export_run(own, [recipe("onnx")], options=options)
    assert [shift.name for shift in made.parity.shifts] == [*FOR_EXPORT, "other pictures"]
    assert made.parity.shifts[-1].n <= len(given.members)
    # Other pictures, another judgement.
    with pytest.raises(UsageError, match="--overwrite"):
        export_run(own, [recipe("onnx")], options=Options(calibration=given, int8_method="ptq"))


def test_artifacts_of_several_runs_are_judged_together(exported: Made, tmp_path: Path) -> None:
    made = integers(exported)
    (pooled,) = pooling.pool([made[0], made[0]], [recipe("tflite")], tmp_path)
    assert pooled.parity.n == 2 * made[0].parity.n
    assert pooled.parity.mean_abs_diff == pytest.approx(made[0].parity.mean_abs_diff)
    assert json.loads((tmp_path / "parity.json").read_text())["pooled"][0]["recipe"] == "tflite-int8"
