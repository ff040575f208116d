"""float16: the layers with the fewest weights stay in float32."""

from pathlib import Path

import pytest
from keras_run import copy_run

from edgeall import runs
from edgeall.artifact import FORMATS
from edgeall.exporting import export_run, load_recipe
from edgeall.exporting.small_layers import smallest

WEIGHTS = 9 * 4 * 64 + 9 * 64 * 64
"""Of the brittle network's convolutions, but for the first two."""


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [
        ({"last": 9989, "first": 11}, set()),
        ({"last": 9990, "first": 10}, {"first"}),
        ({"last": 99_960, "third": 60, "first": 10, "second": 30}, {"first", "second", "third"}),
        ({}, set()),
    ],
)
def test_the_smallest_kernels_that_fit_in_a_thousandth_are_kept(
    sizes: dict[str, int], kept: set[str]
) -> None:
    assert smallest(sizes) == kept


def test_a_model_whose_first_layer_needs_float32_answers_as_in_float32(
    brittle: runs.Run, tmp_path: Path
) -> None:
    """In half precision throughout its score moves by more than .02."""
    run = copy_run(brittle, tmp_path / "own")
    for made in export_run(run, [load_recipe(f"{format}-fp16") for format in FORMATS]):
        assert (made.method, made.fallbacks) == (None, ())
        assert made.parity.mean_abs_diff < 0.01
        # Most of the file is float16 still.
        assert made.size_bytes < 3 * WEIGHTS
