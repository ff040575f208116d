"""INT8 that fails the gate: what is tried, what is kept, and that all formats then answer alike."""

import dataclasses
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
    read_folder,
)
from edgeall.exporting.recipes import FineTuning

TUNING = FineTuning(images=16, epochs=1)


def recipe(format: str, *, mean: float = 0.05, images: int = 16, **changes: object) -> Recipe:
    """The format's INT8 recipe, quick, and with limits that this network keeps or, with 0, that nothing keeps."""
    made = load_recipe(f"{format}-int8")
    assert made.calibration is not None
    return dataclasses.replace(
        made,
        calibration=dataclasses.replace(made.calibration, images=images),
        parity=dataclasses.replace(made.parity, mean_abs_diff=mean, auc_fall=None),
        fine_tuning=TUNING,
        **changes,  # type: ignore[arg-type]
    )


def answers(run: runs.Run, each: Exported) -> np.ndarray:
    images = np.stack([pixels.read_image(path, run.pixels.size) for path in run.images("val")])
    with runtimes.open_session(artifact.read(each.path)) as session:
        return session.predict(images)


Tuned = tuple[runs.Run, list[Exported]]


@pytest.fixture(scope="module")
def tuned(trained: runs.Run, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """A run exported to INT8 in all formats by fine-tuning at once."""
    run = copy_run(trained, tmp_path_factory.mktemp("tuned") / "cells")
    options = Options(int8_method="qat")
    return run, export_run(run, [recipe(format) for format in FORMATS], options=options)


def test_formats_of_one_model_answer_alike_with_nothing_in_float(tuned: Tuned) -> None:
    run, made = tuned
    assert len({each.shared for each in made}) == 1
    assert (made[0].shared or "").endswith("-fine-tuning")
    given = [answers(run, each) for each in made]
    for each, these in zip(made, given, strict=True):
        assert (each.method, each.left_in_float) == ("fine-tuning", ())
        assert each.parity.passed
        assert np.abs(these - given[0]).mean() <= 0.005


def test_the_artifact_says_how_its_int8_came_about(tuned: Tuned) -> None:
    for each in tuned[1]:
        about = artifact.read(each.path).metadata.quantization
        assert (about["method"], about["shared"]) == ("fine-tuning", each.shared)
        assert about["fallbacks"] == list(each.fallbacks)
        simulated, engine = each.fallbacks
        assert (simulated["measured_in"], engine["measured_in"]) == ("simulation", "engine")
        assert simulated["seconds"] > 0
        assert each.seconds == engine["seconds"]


def test_what_was_learned_is_learned_once(tuned: Tuned) -> None:
    """One format's artifact is lost; it is made again from what was kept, the same to the byte."""
    run, made = tuned
    again = [recipe(format) for format in FORMATS]
    assert all(each.cached for each in export_run(run, again, options=Options(int8_method="qat")))
    before = made[1].path.read_bytes()
    made[1].path.unlink()
    remade = export_run(run, again, options=Options(int8_method="qat"))
    assert [each.cached for each in remade] == [True, False, True]
    assert remade[1].fallbacks[0]["seconds"] == 0
    assert remade[1].path.read_bytes()[:1000] == before[:1000]
    assert remade[1].parity == made[1].parity


def test_where_nothing_passes_the_nearest_is_written_and_fails(run: runs.Run) -> None:
    (made,) = export_run(run, [recipe("onnx", mean=0.0, fallbacks=("mse", "bias-correction"))])
    methods = [(each["method"], each["measured_in"]) for each in made.fallbacks]
    assert methods[:3] == [("min-max", "engine"), ("mse", "simulation"), ("bias-correction", "simulation")]
    assert not made.parity.passed
    measured = [each["mean_abs_diff"] for each in made.fallbacks if each["measured_in"] == "engine"]
    assert made.parity.mean_abs_diff == min(measured)


def test_what_failed_stays_failed_until_the_user_says_otherwise(run: runs.Run) -> None:
    """And what was learned on the way is kept until an artifact passes."""
    failing = [recipe("onnx", mean=0.0, fallbacks=("mse", "bias-correction"))]
    export_run(run, failing)
    kept = {file.name.partition("-")[2] for file in (run.exports / ".int8").iterdir()}
    assert kept == {
        f"{method}{suffix}" for method in ("mse", "bias-correction") for suffix in (".npz", ".json")
    }
    assert export_run(run, failing)[0].cached
    (again,) = export_run(run, failing, overwrite=True)
    assert not again.cached
    assert {each["seconds"] for each in again.fallbacks if each["measured_in"] == "simulation"} == {0}
    (good,) = export_run(run, [recipe("onnx")], overwrite=True)
    assert good.parity.passed
    assert not (run.exports / ".int8").exists()


def test_a_model_that_failed_elsewhere_is_not_tried_first(run: runs.Run) -> None:
    (first,) = export_run(run, [recipe("onnx", mean=0.0)], options=Options(int8_method="qat"))
    assert (first.method, first.parity.passed) == ("fine-tuning", False)
    (second,) = export_run(run, [recipe("tflite", mean=0.0, fallbacks=("mse", "fine-tuning"))])
    assert [each["method"] for each in second.fallbacks[:3]] == ["min-max", "mse", "fine-tuning"]


def test_recipes_that_share_a_model_but_not_the_way_to_it_make_it_once(run: runs.Run) -> None:
    first, second = export_run(
        run,
        [
            recipe("onnx", mean=0.0, fallbacks=("fine-tuning",)),
            recipe("tflite", mean=0.0, fallbacks=("fine-tuning", "mse")),
        ],
        jobs=2,
    )
    seconds = [
        next(each["seconds"] for each in made.fallbacks if each["method"] == "fine-tuning")
        for made in (first, second)
    ]
    assert seconds[0] > 0
    assert seconds[1] == 0


def test_calibration_alone_if_asked_for(run: runs.Run) -> None:
    (made,) = export_run(run, [recipe("onnx", mean=0.0)], options=Options(int8_method="ptq"))
    assert (made.method, made.shared, made.fallbacks) == ("min-max", None, ())
    assert not made.parity.passed


def test_fine_tuning_without_training_images_says_so_and_goes_on(run: runs.Run) -> None:
    chosen = recipe("onnx", mean=0.0, images=4, fallbacks=("fine-tuning", "bias-correction"))
    assert chosen.calibration is not None
    needed = calibration_images.select(run.split.train, 4, chosen.calibration.seed)
    for member in set(run.split.train) - set(needed):
        (run.data.root / member.name).unlink()
    (made,) = export_run(run, [chosen])
    by_method = {each["method"]: each for each in made.fallbacks}
    assert "not at hand" in by_method["fine-tuning"]["error"]
    assert by_method["bias-correction"]["n"] > 0
    outcome = export_runs([run], [chosen], Options(int8_method="qat", overwrite=True))
    assert "not at hand" in outcome.failures[0].error


def test_training_images_that_are_at_hand_again_are_learned_from(run: runs.Run, tmp_path: Path) -> None:
    chosen = recipe("onnx", mean=0.0, images=4, fallbacks=("fine-tuning",))
    assert chosen.calibration is not None
    shutil.copytree(run.data.root, tmp_path / "whole")
    needed = calibration_images.select(run.split.train, 4, chosen.calibration.seed)
    for member in set(run.split.train) - set(needed):
        (run.data.root / member.name).unlink()
    (short,) = export_run(run, [chosen])
    assert "not at hand" in short.fallbacks[1]["error"]
    assert export_run(run, [chosen])[0].cached
    (made,) = export_run(run, [chosen], data=tmp_path / "whole")
    assert not made.cached
    assert made.fallbacks[1]["n"] > 0
    assert export_run(run, [chosen], data=tmp_path / "whole")[0].cached


def test_an_unknown_method_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'qat'"):
        Options(int8_method="qatt")  # type: ignore[arg-type]


def test_integer_boundary_and_dynamic_ranges(run: runs.Run, tuned: Tuned) -> None:
    dynamic = load_recipe("tflite-dynamic")
    integer = load_recipe("tflite-int8-io")
    assert integer.calibration is not None
    made = export_run(run, [integer, dynamic])
    with runtimes.open_session(artifact.read(made[0].path)) as session:
        image = np.zeros((32, 32, 3), np.uint8)
        assert session.prepare(image).dtype == np.int8
        assert session.infer(session.prepare(image)).dtype == np.int8
        assert session.executed_precision().conversions == 0
    with runtimes.open_session(artifact.read(made[1].path)) as session:
        assert session.prepare(image).dtype == np.float32
    assert all(each.parity.passed for each in made)


def test_the_shared_model_with_an_integer_boundary_answers_as_with_a_float_one(tuned: Tuned) -> None:
    run, made = tuned
    boundary = load_recipe("tflite-int8").quantization
    assert boundary is not None
    integer = dataclasses.replace(
        recipe("tflite"), name="io", quantization=dataclasses.replace(boundary, boundary="int8")
    )
    (other,) = export_run(run, [integer], options=Options(int8_method="qat"))
    assert other.shared == made[0].shared
    np.testing.assert_allclose(answers(run, other), answers(run, made[0]), atol=0.02)


def test_images_of_ones_own_to_calibrate_on(run: runs.Run) -> None:
    given = read_folder(run.data.root, 32)
    own = dataclasses.replace(run, split=dataclasses.replace(run.split, train=()))
    (failure,) = export_runs([own], [recipe("onnx")]).failures
    assert "--calibration DIR" in failure.error
    (made,) = export_run(own, [recipe("onnx")], options=Options(calibration=given))
    assert made.parity.passed
