"""The evaluation of a run as a Markdown page."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgeall.artifact import Decision
from edgeall.csv_cells import visible
from edgeall.evaluating.evaluation import Evaluation
from edgeall.markdown_table import escape, table

_FIGURES = ("accuracy", "sensitivity", "specificity", "ppv", "f1", "auc", "average_precision", "mcc", "brier")
_AVERAGES = {"macro avg": "macro average", "weighted avg": "weighted average"}


def document(
    title: str,
    decision: Decision,
    parts: Mapping[str, Evaluation],
    params: Mapping[str, int] | None,
    sizes: Mapping[str, float] | None,
    drawn: Mapping[str, str],
    notes: Sequence[str],
    stability: Mapping[str, Any] | None = None,
) -> str:
    """The page, with the 95% interval of every figure that has one."""
    blocks = [f"# {escape(visible(title))}", *(escape(visible(note)) for note in notes)]
    blocks.append(table(["", *parts], [*_figures(parts), *_other_figures(parts)]))
    blocks.append(
        "Intervals are at 95%; where subjects are known, they are over subjects and not over images. A figure without "
        "an interval depends on a class with a single subject."
    )
    blocks.extend(_referral(parts))
    if stability is not None:
        blocks.extend(_stability(stability))
    for name, part in parts.items():
        blocks += [f"## {name}: classification report", _report(part.report, decision.labels)]
        blocks += [f"## {name}: confusion matrix", _confusion(part.confusion, decision.labels)]
    if params is not None and sizes is not None:
        rows = [
            [name.replace("_", "-"), f"{count:,}", f"{sizes[name]:.2f}"] for name, count in params.items()
        ]
        blocks += ["## Parameters", table(["", "parameters", "MB (float32)"], rows)]
    blocks += [f"![{what}]({name})" for name, what in drawn.items()]
    return "\n\n".join(blocks) + "\n"


def _figures(parts: Mapping[str, Evaluation]) -> list[list[str]]:
    rows = [["images", *(str(part.metrics["n"]) for part in parts.values())]]
    if any(part.metrics["clusters"] is not None for part in parts.values()):
        rows.append(["subjects", *(str(part.metrics["clusters"] or "-") for part in parts.values())])
    for name in _FIGURES:
        rows.append(
            [name.replace("_", " "), *(_figure(_best(part.metrics, name)) for part in parts.values())]
        )
    if any(part.metrics["classes"] for part in parts.values()):
        for name in ("precision", "recall", "f1", "auc"):
            macro = [part.metrics["classes"]["macro"][name] for part in parts.values()]
            rows.append([f"macro {name}", *("-" if value is None else f"{value:.3f}" for value in macro)])
        rows.append(
            [
                "accuracy of the class",
                *(_figure(part.metrics["classes"]["accuracy"]) for part in parts.values()),
            ]
        )
        for label in next(iter(parts.values())).metrics["classes"]["labels"]:
            recalls = [part.metrics["classes"]["recall_by_class"][label] for part in parts.values()]
            rows.append([f"recall of {label}", *map(_figure, recalls)])
    return rows


def _best(metrics: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = metrics.get(f"{name}_over_subjects") or metrics[name]
    return found


def _other_figures(parts: Mapping[str, Evaluation]) -> list[list[str]]:
    return [
        ["loss (cross-entropy)", *(f"{part.loss:.4f}" for part in parts.values())],
        ["mean squared error", *(f"{part.mse:.4f}" for part in parts.values())],
        ["calibration error (ECE)", *(f"{part.metrics['ece']:.3f}" for part in parts.values())],
        ["threshold", *(_threshold(part) for part in parts.values())],
    ]


def _threshold(part: Evaluation) -> str:
    value = part.metrics["threshold"]
    return "each fold's" if value is None else f"{value:.3f}"


def _referral(parts: Mapping[str, Evaluation]) -> list[str]:
    found = {name: part.referral for name, part in parts.items() if part.referral}
    if not found:
        return []
    band = next(iter(found.values()))
    shown = ("referred", "sensitivity", "specificity", "answered_sensitivity", "answered_specificity")
    rows = [
        [name, str(parts[name].metrics["clusters"] or "-"), *(_figure(referral[key]) for key in shown)]
        for name, referral in found.items()
    ]
    return [
        "## Referral",
        f"Images with scores from {band['low']:.3f} to {band['high']:.3f} are referred to a human. The band was chosen "
        "on validation images. A referred image counts as correct in the sensitivity and specificity, and is left out "
        "of the last two columns. The validation figures are optimistic; for other patients see the test intervals.",
        table(["", "subjects", *(name.replace("_", " ") for name in shown)], rows),
    ]


def _stability(stability: Mapping[str, Any]) -> list[str]:
    changes = {kind: found for kind, found in stability.items() if kind != "n"}
    return [
        "## Stability of the score",
        f"Change of the score of {stability['n']} validation images under disturbances that are invisible to a "
        "pathologist: each pixel value -1, 0 or +1 at random (noise), a shift by one pixel, JPEG compression of "
        "quality 95. Images are disturbed at the model's input size.",
        table(
            ["", "mean change of the score", "verdicts kept"],
            [
                [kind, f"{found['score_change']:.3f}", f"{found['verdicts_kept']:.1%}"]
                for kind, found in changes.items()
            ],
        ),
    ]


def _report(report: Mapping[str, Any], labels: Sequence[str]) -> str:
    rows = [
        [_AVERAGES.get(name, name), *(f"{report[name][key]:.3f}" for key in ("precision", "recall", "f1-score")),
         f"{report[name]['support']:.0f}"]
        for name in (*labels, *_AVERAGES)
    ]  # fmt: skip
    return table(["", "precision", "recall", "F1", "support"], rows)


def _confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    rows = [[label, *map(str, row)] for label, row in zip(labels, matrix, strict=True)]
    return table(["truth \\ verdict", *labels], rows)


def _figure(estimate: Mapping[str, Any] | None) -> str:
    if estimate is None:
        return "-"
    low, high = estimate["low"], estimate["high"]
    return f"{estimate['value']:.3f}" + ("" if low is None or high is None else f" [{low:.3f}–{high:.3f}]")
