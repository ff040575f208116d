"""The same training under another Keras backend: the same losses, and a run that exports the same."""

import csv
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from drawn_cells import without_chance

from edgeall import artifact, predictions, runs, runtimes
from edgeall.exporting import export_run, load_recipe
from edgeall.pixels import read_image
from edgeall.progress import SILENT
from edgeall.runs import Run
from edgeall.training import load_model
from edgeall.training.model import predict

pytestmark = pytest.mark.slow

TRAINING = """
import sys
from pathlib import Path
import keras
from drawn_cells import without_chance
from edgeall.progress import SILENT

without_chance(Path(sys.argv[1]), Path(sys.argv[2]), SILENT)
print(keras.backend.backend())
"""


@pytest.fixture(scope="module", params=["jax", "torch"])
def trained(request: pytest.FixtureRequest, cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run made under another backend, in a process of its own."""
    backend = request.param
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}: pip install -c constraints.txt {backend}")
    out = tmp_path_factory.mktemp(backend)
    done = subprocess.run(
        [sys.executable, "-c", TRAINING, str(cells), str(out)],
        cwd=Path(__file__).parent, capture_output=True, text=True,
        env=os.environ | {"KERAS_BACKEND": backend, "XDG_CACHE_HOME": str(out / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == backend
    (run,) = runs.find(out)
    assert run.versions["backend"] == backend
    return run


@pytest.fixture(scope="module")
def reference(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same training in this process."""
    return without_chance(cells, tmp_path_factory.mktemp("reference"), SILENT)


def history(run: Run) -> list[dict[str, str]]:
    with (run.path / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_losses_agree(trained: Run, reference: Run) -> None:
    assert reference.versions["backend"] == keras.backend.backend() != trained.versions["backend"]
    rows, expected = history(trained), history(reference)
    assert [(row["phase"], row["epoch"]) for row in rows] == [
        (row["phase"], row["epoch"]) for row in expected
    ]
    for column in ("loss", "val_loss"):
        found, wanted = ([float(row[column] or "nan") for row in table] for table in (rows, expected))
        # Backends add up in other orders, and each step hands the difference on.
        np.testing.assert_allclose(found, wanted, atol=1e-3)
    assert float(rows[-1]["val_loss"]) < float(rows[0]["val_loss"])
    assert trained.split == reference.split
    assert trained.settings == reference.settings


def test_its_run_exports_the_same(trained: Run) -> None:
    (exported,) = export_run(trained, [load_recipe("tflite-fp32")])
    assert exported.parity.passed
    images = np.stack([read_image(path, trained.pixels.size) for path in trained.images("test")])
    with runtimes.open_session(artifact.read(exported.path)) as session:
        answers = session.predict(images)
    np.testing.assert_allclose(answers, predict(load_model(trained), images, trained.pixels), atol=1e-4)
    said = predictions.read(trained.path / predictions.FILE, trained.decision.labels)["test"]
    np.testing.assert_allclose(answers, said.probabilities, atol=1e-3)
