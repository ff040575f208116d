"""The evaluation of a run as a Markdown page."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgeall.artifact import Decision
from edgeall.evaluating.evaluation import Evaluation

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
    """The page. Every figure that has an interval shows it: 95%."""
    blocks = [f"# {title}", *notes]
    blocks.append(_table(["", *parts], [*_figures(parts), *_plain(parts)]))
    blocks.append(
        "Intervals are at 95%; where subjects are known, they count people rather than images. A figure without one "
        "rests on a class with a single person."
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
        blocks += ["## Parameters", _table(["", "parameters", "MB (float32)"], rows)]
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


def _plain(parts: Mapping[str, Evaluation]) -> list[list[str]]:
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
        [name, str(parts[name].metrics["clusters"] or "-"), *(_figure(said[key]) for key in shown)]
        for name, said in found.items()
    ]
    return [
        "## Referral",
        f"Scores from {band['low']:.3f} to {band['high']:.3f} go to a human, chosen on validation images. A referred "
        "image counts as neither missed nor alarmed; the last two columns leave it out. What the band was chosen for "
        "holds on the validation images that chose it; on other people the intervals tell.",
        _table(["", "subjects", *(name.replace("_", " ") for name in shown)], rows),
    ]


def _stability(stability: Mapping[str, Any]) -> list[str]:
    moved = {kind: found for kind, found in stability.items() if kind != "n"}
    return [
        "## Stability of the score",
        f"How far the score of {stability['n']} validation images moves under changes that a pathologist does not "
        "see: each pixel value -1, 0 or +1 at random (noise), a shift by one pixel, JPEG compression of quality 95. "
        "The images are changed at the size that the model reads.",
        _table(
            ["", "mean change of the score", "verdicts kept"],
            [
                [kind, f"{found['score_change']:.3f}", f"{found['verdicts_kept']:.1%}"]
                for kind, found in moved.items()
            ],
        ),
    ]


def _report(report: Mapping[str, Any], labels: Sequence[str]) -> str:
    rows = [
        [_AVERAGES.get(name, name), *(f"{report[name][key]:.3f}" for key in ("precision", "recall", "f1-score")),
         f"{report[name]['support']:.0f}"]
        for name in (*labels, *_AVERAGES)
    ]  # fmt: skip
    return _table(["", "precision", "recall", "F1", "support"], rows)


def _confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    rows = [[label, *map(str, row)] for label, row in zip(labels, matrix, strict=True)]
    return _table(["truth \\ verdict", *labels], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *(["---:"] * (len(header) - 1))], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _figure(estimate: Mapping[str, Any] | None) -> str:
    if estimate is None:
        return "-"
    low, high = estimate["low"], estimate["high"]
    return f"{estimate['value']:.3f}" + ("" if low is None or high is None else f" [{low:.3f}–{high:.3f}]")
