"""Writes the evaluation of a run: `evaluation.json`, `evaluation.md`, and plots."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeall import files
from edgeall.artifact import Decision
from edgeall.evaluating import evaluation_page, evaluation_plots
from edgeall.evaluating.evaluation import FOLDER, Evaluation, parameters_in_mb
from edgeall.files import AnyPath

Row = Mapping[str, Any]
"""A row of `history.csv` by column name; None for an empty cell."""


def write(
    run: AnyPath,
    title: str,
    decision: Decision,
    parts: Mapping[str, Evaluation],
    params: Mapping[str, int] | None = None,
    history: Sequence[Row] = (),
    notes: Sequence[str] = (),
    stability: Mapping[str, Any] | None = None,
) -> None:
    """Write the folder `evaluation` into the folder of a run or of pooled folds.

    Args:
        parts: "train", "val", "test"; or "pooled".
        params: parameter counts by name.
        notes: sentences at the top of the page, such as caveats.
        stability: of the score on validation images, from `edgeall.training.stability.Stability.to_dict`.
    """
    run = Path(run)
    folder = run / FOLDER
    sizes = None if params is None else parameters_in_mb(params)
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(
        folder / "evaluation.json",
        {
            "title": title,
            "notes": list(notes),
            "labels": list(decision.labels),
            "positive": list(decision.positive),
            "threshold": decision.threshold,
            "params": None if params is None else dict(params),
            "params_mb": sizes,
            "stability": stability,
            "parts": {name: part.to_dict() for name, part in parts.items()},
        },
    )
    drawn = evaluation_plots.draw(folder, title, decision, parts, history)
    files.write_text(
        folder / "evaluation.md",
        evaluation_page.document(title, decision, parts, params, sizes, drawn, notes, stability),
    )
