"""What INT8 costs each layer, measured: a layer that is made worse shows it."""

import csv
import dataclasses

import numpy as np
import pytest
from PIL import Image

from edgeall import runs
from edgeall.errors import UsageError
from edgeall.exporting import load_recipe, write_sensitivity


def test_a_row_a_layer_as_csv_and_a_picture(run: runs.Run) -> None:
    table, picture = write_sensitivity(run, load_recipe("tflite-int8"))
    rows = list(csv.DictReader(table.open()))
    assert rows[0]["kind"] == "input"
    assert rows[-1]["kind"] == "sigmoid"
    assert [row["layer"] for row in rows if row["weights_db"]] == [
        row["layer"] for row in rows if row["kind"] in ("conv", "depthwise", "dense")
    ]
    for row in rows:
        assert 0 < float(row["own_db"]) <= 120
        # Rounding the result too cannot make it better than rounding the weights alone, but for luck.
        assert not row["weights_db"] or float(row["own_db"]) < float(row["weights_db"]) + 3
    assert Image.open(picture).size[0] > 400
    assert not (run.exports / ".work").exists()


def test_a_recipe_without_calibration_has_nothing_to_measure(run: runs.Run) -> None:
    with pytest.raises(UsageError, match="no calibration"):
        write_sensitivity(run, load_recipe("tflite-dynamic"))


def test_coarser_weights_are_noisier(run: runs.Run) -> None:
    eight = load_recipe("tflite-int8")
    assert eight.fine_tuning is not None
    noise = []
    for bits in (7, 8):
        recipe = dataclasses.replace(
            eight, fine_tuning=dataclasses.replace(eight.fine_tuning, weight_bits=bits)
        )
        table, _ = write_sensitivity(run, recipe)
        rows = [row for row in csv.DictReader(table.open()) if row["kind"] in ("conv", "dense")]
        # Weights that are all of one size have a code each, in 7 bits as in 8.
        rounded = [float(row["weights_db"]) for row in rows if float(row["weights_db"]) < 100]
        noise.append(np.mean(rounded))
    assert noise[1] > noise[0] + 0.5
