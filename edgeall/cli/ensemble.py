"""`edgeall ensemble`: averages several runs into one model."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall.cli.display import Display
from edgeall.runs import RUNS_FOLDER, folder_of

if TYPE_CHECKING:
    from edgeall.ensembling import Ensemble


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "runs",
        metavar="RUN",
        nargs="+",
        type=Path,
        help="runs (folders, or names under ./runs) that were trained on the same split",
    )
    add("--name", help="name of the ensemble (default: the backbones)")
    add("--out", type=Path, default=RUNS_FOLDER, metavar="DIR", help="parent folder (default: %(default)s)")
    add(
        "--min-sensitivity", type=float, metavar="S",
        help="required outside of a referral band, which is chosen on validation images; with --min-specificity",
    )  # fmt: skip
    add("--min-specificity", type=float, metavar="S", help="see --min-sensitivity")
    add("--overwrite", action="store_true", help="replace the ensemble of this name and its results")
    parser.epilog = (
        "'edgeall export' and 'edgeall bench' take the ensemble's folder: its members are exported, and the ensemble "
        "is benched as one model with the sum of their costs."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    from edgeall.ensembling.make import make_ensemble

    made = make_ensemble(
        [folder_of(path) for path in args.runs], args.out, name=args.name,
        min_sensitivity=args.min_sensitivity, min_specificity=args.min_specificity,
        overwrite=args.overwrite, progress=display,
    )  # fmt: skip
    display.show(_summary(made))
    display.emit(_document(made))
    return 0


def _document(made: "Ensemble") -> dict[str, Any]:
    return {
        "ensemble": str(made.path),
        "members": [str(member) for member in made.members],
        "backbone": made.backbone,
        "params": made.params,
        "split": {part: metrics["n"] for part, metrics in made.metrics.items()}
        | {"grouped_by": made.grouped_by},
        "decision": dataclasses.asdict(made.decision),
        "evaluation": str(made.path / "evaluation"),
        **made.metrics,
    }


def _summary(made: "Ensemble") -> Any:
    from edgeall.cli.train import figures_row, figures_table, referral_lines
    from edgeall.datasets import split_kind

    table = figures_table(
        f"{made.path}: {made.backbone}, {made.params['total'] / 1e6:.1f} M parameters together",
        classes=len(made.decision.labels) > 2,
    )
    for part, note in (("train", "training"), ("val", "validation"), ("test", "test")):
        if part in made.metrics:
            figures_row(table, note, made.metrics[part])
    table.caption = (
        f"mean of the Keras models; split {split_kind(made.grouped_by)}; 95% intervals; threshold "
        f"{made.decision.threshold:.3f}, chosen on validation\n"
        + "".join(f"{line}\n" for line in referral_lines({}, made.metrics))
        + f"export and bench it with: edgeall export {made.path}; edgeall bench {made.path}"
    )
    return table
