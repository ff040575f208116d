"""float16 that fails the gate: the layers with the fewest weights stay in float32, and the artifact says so."""

import dataclasses
from pathlib import Path

import pytest
from keras_run import copy_run

from edgeall import artifact, runs
from edgeall.artifact import FORMATS
from edgeall.exporting import Recipe, export_run, load_recipe
from edgeall.exporting.small_layers import smallest

WEIGHTS = 9 * 4 * 64 + 9 * 64 * 64
"""Of the brittle network's convolutions, but for the first two."""


def recipe(format: str, mean: float) -> Recipe:
    """The format's float16 recipe with a limit of its own."""
    made = load_recipe(f"{format}-fp16")
    return dataclasses.replace(
        made, parity=dataclasses.replace(made.parity, mean_abs_diff=mean, max_abs_diff=None)
    )


@pytest.mark.parametrize(
    ("percent", "kept"),
    [(0.1, set()), (1.0, {"first"}), (9.9, {"first", "second"}), (10.0, {"first", "second", "third"})],
)
def test_the_smallest_kernels_that_fit_in_the_share_are_kept(percent: float, kept: set[str]) -> None:
    assert smallest({"last": 900, "third": 60, "first": 10, "second": 30}, percent) == kept


def test_nothing_of_nothing() -> None:
    assert smallest({}, 5.0) == set()


def test_every_step_is_tried_and_the_nearest_is_written_as_failed(run: runs.Run) -> None:
    (made,) = export_run(run, [recipe("onnx", 0.0)])
    tried = {each["method"]: each["mean_abs_diff"] for each in made.fallbacks}
    assert list(tried) == ["float16", "small-layers-0.1", "small-layers-1", "small-layers-5"]
    assert not made.parity.passed
    assert made.method is not None
    assert tried[made.method] == min(tried.values()) == made.parity.mean_abs_diff
    assert artifact.read(made.path).metadata.quantization["method"] == made.method


def test_a_model_whose_first_layer_needs_float32_passes_by_leaving_it_there(
    brittle: runs.Run, tmp_path: Path
) -> None:
    run = copy_run(brittle, tmp_path / "own")
    for made in export_run(run, [recipe(format, 0.005) for format in FORMATS]):
        own, last = made.fallbacks
        assert (own["method"], last["method"]) == ("float16", "small-layers-0.1")
        assert own["mean_abs_diff"] > 0.02
        assert made.method == last["method"]
        assert made.parity.passed
        assert made.parity.mean_abs_diff < own["mean_abs_diff"] / 10
        # Most of the file is float16 still.
        assert made.size_bytes < 3 * WEIGHTS


def test_float16_that_passes_at_once_says_nothing_of_methods(run: runs.Run) -> None:
    (made,) = export_run(run, [recipe("onnx", 0.05)])
    assert (made.method, made.fallbacks) == (None, ())
