"""The steps of an export without its worker processes: what formats are converted from, and one bare file run."""

import importlib

import numpy as np
from small_models import draw

from edgeall.artifact import suffix_of
from edgeall.exporting import frozen
from edgeall.exporting.recipes import load_recipe
from edgeall.exporting.source_models import INTERMEDIATES, Sources
from edgeall.runs import Run
from edgeall.runtimes import open_model


def prepared(run: Run, folder) -> Sources:
    """What every format of `run` is converted from."""
    from edgeall.training import load_model

    sources = Sources(folder, run.pixels)
    frozen.freeze(load_model(run), run.pixels.size, sources.graph)
    for build in INTERMEDIATES.values():
        build(sources)
    return sources


def exported(
    run: Run, sources: Sources, recipe: str, images: np.ndarray
) -> tuple[np.ndarray, dict[str, int]]:
    """Class probabilities of uint8 `images` by the file that a recipe makes, and what it computes in float."""
    target = load_recipe(recipe)
    calibration = None
    if target.calibration is not None:
        calibration = sources.folder / "calibration.npy"
        np.save(calibration, draw(24, run.pixels.size, seed=1))
    out = sources.folder / f"{recipe}{suffix_of(target.format)}"
    importlib.import_module(f"edgeall.exporting.{target.format}").convert(sources, target, calibration, out)
    classes = len(run.decision.labels)
    with open_model(out, target.format, run.pixels, classes=classes, precision=target.precision) as session:
        return session.predict(images), dict(session.executed_precision().float_operators)
