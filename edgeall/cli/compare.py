"""`edgeall compare`: runs, or bench results, side by side; status 1 when a later one is worse beyond a tolerance."""

import argparse
import math
from pathlib import Path

from edgeall.cli.display import Display

_STATUS = (
    "Exit status 1 when a later one's figure, as observed, is worse than the first's by more than its tolerance; "
    "whether the data show that difference is said beside it. 2 when they cannot be compared."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.epilog = _STATUS
    add = parser.add_argument
    add(
        "first",
        metavar="A",
        type=Path,
        help="the reference: a run (or pooled folds), or a result file of bench",
    )
    add("others", metavar="B", nargs="+", type=Path, help="what to set against it, of the same kind")
    add(
        "--tolerance-accuracy", type=_share, default=0.01, metavar="D",
        help="accuracy that may be lost, as a share (default: %(default)s, one point)",
    )  # fmt: skip
    add(
        "--tolerance-auc", type=_share, default=0.005, metavar="D",
        help="area under the ROC curve that may be lost (default: %(default)s)",
    )  # fmt: skip
    for name, of in (("sensitivity", "images with a finding"), ("specificity", "healthy images")):
        add(
            f"--tolerance-{name}", type=_share, metavar="D",
            help=f"{name} that may be lost, as a share of the {of} (default: not judged)",
        )  # fmt: skip
    add(
        "--tolerance-latency", type=_ratio, default=1.1, metavar="R",
        help="model latency over the first's that is allowed, of bench results (default: %(default)s)",
    )  # fmt: skip


def run(args: argparse.Namespace, display: Display) -> int:
    """Compare, print; 1 where something is worse beyond its tolerance."""
    from edgeall import comparing

    tolerances = comparing.Tolerances(
        args.tolerance_accuracy,
        args.tolerance_auc,
        args.tolerance_latency,
        args.tolerance_sensitivity,
        args.tolerance_specificity,
    )
    outcome = comparing.compare([args.first, *args.others], tolerances, progress=display)
    display.show(comparing.table(outcome))
    for paragraph in comparing.paragraphs(outcome):
        display.show("")
        display.show(paragraph)
    display.emit(comparing.to_json(outcome))
    return 1 if outcome.worse else 0


def _share(text: str) -> float:
    return _number(text, 0.0, 1.0, "a share from 0 to 1")


def _ratio(text: str) -> float:
    return _number(text, 1e-6, 1e6, "a ratio above 0, such as 1.1")


def _number(text: str, least: float, most: float, wanted: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"'{text}' is not {wanted}")
    return value
