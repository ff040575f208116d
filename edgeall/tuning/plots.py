"""A study as pictures, drawn by Optuna."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna

from edgeall.evaluating.evaluation_plots import save


def draw(study: optuna.Study, folder: Path, seed: int) -> dict[str, str]:
    """Write the pictures that the study allows; what each shows, by file name.

    Importances are of the parameters that every trial has, and need two finished trials of different worth.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from optuna.visualization import matplotlib as views

    done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    pictures: dict[str, tuple[str, Callable[[], Any]]] = {}
    if done:
        name = "validation score"
        pictures["history.png"] = (
            "Optimisation history",
            lambda: views.plot_optimization_history(study, target_name=name),
        )
        pictures["slices.png"] = (
            "Score by hyper-parameter",
            lambda: views.plot_slice(study, target_name=name),
        )
    if len({trial.value for trial in done}) > 1:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
        pictures["importances.png"] = (
            "Importance of hyper-parameters",
            lambda: views.plot_param_importances(study, evaluator=evaluator, target_name=name),
        )
    for file, (_, plot) in pictures.items():
        # Optuna draws by pyplot and in a style of its own; neither outlasts the picture.
        with matplotlib.rc_context({"savefig.bbox": "tight"}), warnings.catch_warnings():
            # Of ranges of a single value.
            warnings.simplefilter("ignore", UserWarning)
            axes = plot()
            figure = (axes if hasattr(axes, "figure") else axes.flat[0]).figure
            save(figure, folder / file)
            pyplot.close(figure)
    return {file: what for file, (what, _) in pictures.items()}
