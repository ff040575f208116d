"""Plots of learning curves, ROC curves and confusion matrices, without Matplotlib's global state."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from edgeall import files
from edgeall.artifact import Decision
from edgeall.csv_cells import visible
from edgeall.evaluating.evaluation import Evaluation

_NAMES = {"train": "training", "val": "validation", "test": "test", "pooled": "out of fold"}
_COLOURS = {"train": "#7f7f7f", "val": "#1f77b4", "test": "#d62728", "pooled": "#d62728"}
_CURVES = (("loss", "val_loss", "loss"), ("accuracy", "val_accuracy", "accuracy"), (None, "val_auc", "AUC"))


def draw(
    folder: Path,
    title: str,
    decision: Decision,
    parts: Mapping[str, Evaluation],
    history: Sequence[Mapping[str, Any]],
) -> dict[str, str]:
    """Write the plots; returns their titles by file name."""
    title = visible(title)
    # "$" in a name is no formula.
    with matplotlib.rc_context({"text.parse_math": False}):
        drawn = {
            "roc.png": ("ROC curves", _roc(title, parts)),
            "confusion.png": ("Confusion matrices", _confusion(title, decision.labels, parts)),
        }
        if history:
            drawn["learning-curves.png"] = ("Learning curves", _learning(title, history))
        for name, (_, figure) in drawn.items():
            save(figure, folder / name)
    return {name: what for name, (what, _) in drawn.items()}


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all. The same figure gives the same bytes."""
    with files.replacing(path) as part:
        figure.savefig(part, dpi=120, metadata={"Software": None})


def _roc(title: str, parts: Mapping[str, Evaluation]) -> Figure:
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=1)
    for name, part in parts.items():
        auc = part.metrics["auc"]
        if auc is None:
            continue
        label = f"{_NAMES[name]}: AUC {auc['value']:.3f}"
        if auc["low"] is not None:
            label += f" ({auc['low']:.3f}–{auc['high']:.3f})"
        axes.plot(part.roc["fpr"], part.roc["tpr"], color=_COLOURS[name], label=label)
    axes.set(xlabel="1 − specificity", ylabel="sensitivity", title=title, aspect="equal")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", fontsize="small")
    return figure


def _confusion(title: str, labels: Sequence[str], parts: Mapping[str, Evaluation]) -> Figure:
    k = len(labels)
    figure = Figure(figsize=((1.4 + 0.7 * k) * len(parts) + 0.6, 1.8 + 0.7 * k), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(1, len(parts), squeeze=False)[0]
    for axes, (name, part) in zip(grid, parts.items(), strict=True):
        table = np.asarray(part.confusion)
        axes.imshow(table / np.maximum(table.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(table):
            dark = count > 0.6 * table[row].sum()
            axes.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
        axes.set(title=_NAMES[name], xlabel="verdict", ylabel="truth")
        axes.set_xticks(range(k), labels, rotation=45, ha="right")
        axes.set_yticks(range(k), labels)
    return figure


def _learning(title: str, history: Sequence[Mapping[str, Any]]) -> Figure:
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    figure.suptitle(title)
    phases = list(dict.fromkeys(row["phase"] for row in history))
    starts = [next(at for at, row in enumerate(history) if row["phase"] == phase) for phase in phases]
    for axes, (train, val, what) in zip(figure.subplots(1, len(_CURVES)), _CURVES, strict=True):
        for column, name in ((train, "train"), (val, "val")):
            if column is None:
                continue
            values = [np.nan if row[column] is None else row[column] for row in history]
            axes.plot(values, color=_COLOURS[name], label=_NAMES[name])
        for start, phase in zip(starts, phases, strict=True):
            axes.axvline(start, color="#cccccc", linewidth=1)
            axes.text(start, 1.0, f" {phase.rpartition(': ')[2]}", transform=axes.get_xaxis_transform(),
                      va="top", fontsize="x-small", color="#666666")  # fmt: skip
        axes.set(xlabel="epoch", title=what)
        axes.legend(fontsize="small")
    return figure
