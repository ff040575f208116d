"""Whatever import allows, every format exports: the engines answer as Keras does, branch by branch."""

import importlib
from collections.abc import Callable
from pathlib import Path

import layer_sweep
import numpy as np
import pytest
from layer_sweep import IMAGES, SIZE, Branch
from small_models import draw

from edgeall.artifact import FORMATS, suffix_of
from edgeall.exporting import frozen
from edgeall.exporting.recipes import load_recipe
from edgeall.exporting.sources import NEEDS, Sources
from edgeall.importing import import_model
from edgeall.runs import Run
from edgeall.runtimes import open_model
from edgeall.training import load_model

Answers = tuple[np.ndarray, dict[str, int]]
SWEEPS: dict[str, Callable[[], dict[str, Branch]]] = {
    "activations": layer_sweep.activations,
    "fused activations": layer_sweep.fused_activations,
    "layers": layer_sweep.plain_layers,
    "operations": layer_sweep.operations,
}


def imported(branches: dict[str, Branch], folder: Path) -> tuple[Run, np.ndarray]:
    """The run of a network with `branches`, and what the network itself answers."""
    model = layer_sweep.network(branches)
    model.save(folder / "model.keras")
    labels = list(branches)
    run = import_model(
        folder / "model.keras", labels, positive=labels[1:], preprocessing="unit", out=folder / "runs"
    ).run
    return run, model.predict_on_batch(IMAGES / np.float32(255))


def prepared(run: Run, folder: Path) -> Sources:
    """What every format of `run` is converted from."""
    sources = Sources(folder, run.pixels)
    frozen.freeze(load_model(run), SIZE, sources.graph)
    for derive in NEEDS.values():
        derive(sources)
    return sources


def exported(run: Run, sources: Sources, recipe: str) -> Answers:
    """An artifact's answers in its engine, and what it computes in float."""
    target = load_recipe(recipe)
    calibration = None
    if target.calibration is not None:
        calibration = sources.folder / "calibration.npy"
        np.save(calibration, draw(24, SIZE, seed=1))
    out = sources.folder / f"{recipe}{suffix_of(target.format)}"
    importlib.import_module(f"edgeall.exporting.{target.format}").convert(sources, target, calibration, out)
    with open_model(
        out, target.format, run.pixels, classes=len(run.decision.labels), precision=target.precision
    ) as session:
        return session.predict(IMAGES), dict(session.executed_precision().float_operators)


@pytest.mark.parametrize("sweep", SWEEPS)
def test_float32_answers_as_keras(sweep: str, tmp_path: Path) -> None:
    """Each branch in each engine; a wrong one is named."""
    wrong = []
    for number, branches in enumerate(layer_sweep.batches(SWEEPS[sweep]())):
        folder = tmp_path / str(number)
        folder.mkdir()
        run, expected = imported(branches, folder)
        sources = prepared(run, folder)
        for format in FORMATS:
            answers, _ = exported(run, sources, f"{format}-fp32")
            tolerance = load_recipe(f"{format}-fp32").parity
            assert tolerance.max_abs_diff is not None
            difference = np.abs(layer_sweep.logits(answers) - layer_sweep.logits(expected)).max(axis=0)
            wrong += [
                f"{name} in {format}: logit differs by {far:.4f}"
                for name, far in zip(branches, difference, strict=True)
                if far > 10 * tolerance.max_abs_diff
            ]
            assert np.abs(answers - expected).max() <= tolerance.max_abs_diff, wrong
    assert not wrong
