"""Plots of a study, by Optuna."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna

from edgeall.evaluating.evaluation_plots import save


def draw(study: optuna.Study, folder: Path, seed: int) -> dict[str, str]:
    """Write the plots that the study has data for; returns their titles by file name.

    Importances cover the parameters that every trial has, and need two finished trials with different values.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from optuna.visualization import matplotlib as views

    done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    plots: dict[str, tuple[str, Callable[[], Any]]] = {}
    if done:
        name = "validation score"
        plots["history.png"] = (
            "Optimisation history",
            lambda: views.plot_optimization_history(study, target_name=name),
        )
        plots["slices.png"] = (
            "Score by hyper-parameter",
            lambda: views.plot_slice(study, target_name=name),
        )
    if len({trial.value for trial in done}) > 1:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
        plots["importances.png"] = (
            "Importance of hyper-parameters",
            lambda: views.plot_param_importances(study, evaluator=evaluator, target_name=name),
        )
    for file, (_, plot) in plots.items():
        # Optuna changes pyplot's global style, which is restored afterwards.
        with matplotlib.rc_context({"savefig.bbox": "tight"}), warnings.catch_warnings():
            # Matplotlib warns about ranges of a single value.
            warnings.simplefilter("ignore", UserWarning)
            axes = plot()
            figure = (axes if hasattr(axes, "figure") else axes.flat[0]).figure
            save(figure, folder / file)
            pyplot.close(figure)
    return {file: title for file, (title, _) in plots.items()}
