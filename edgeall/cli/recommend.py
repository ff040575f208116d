"""`edgeall recommend`: which artifact to take on a device under limits, and why."""

import argparse
from typing import TYPE_CHECKING

from edgeall.cli.display import Display
from edgeall.cli.result_files import add_argument, find
from edgeall.errors import UsageError

if TYPE_CHECKING:
    from edgeall.recommending import Constraints, Recommendation
    from edgeall.results import Bench

_LIMITS = {
    "max_latency": ("TIME", "of the model, as 50ms; the upper end of its interval counts"),
    "max_size": ("SIZE", "of the artifact, as 10MB"),
    "max_memory": ("SIZE", "of the process at its peak, as 100MB"),
    "min_sensitivity": (
        "SHARE",
        "as 0.95 or 95%%; the lower end of its interval counts, for the next three too",
    ),
    "min_specificity": ("SHARE", "as 0.9"),
    "min_accuracy": ("SHARE", "as 0.9"),
    "min_auc": ("SHARE", "as 0.95"),
}
"""Options by name: what they take, and help."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    add_argument(parser)
    parser.add_argument("--device", metavar="NAME", help="whose results count (default: the only one there)")
    for name, (metavar, help) in _LIMITS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=help)


def run(args: argparse.Namespace, display: Display) -> int:
    """Print table and answer; status 1 where nothing may be taken or the data do not decide."""
    limits = _limits(args)

    from edgeall import recommending, results

    bench = _of_device(results.load(find(args.results)), args.device)
    found = recommending.recommend(bench, limits, _formats(bench.device))
    display.emit(found.to_dict())
    display.show(_table(found))
    display.show(*found.lines())
    return 0 if found.chosen is not None else 1


def _limits(args: argparse.Namespace) -> "Constraints":
    from edgeall.recommending import Constraints
    from edgeall.recommending.constraints import OPTIONS
    from edgeall.recommending.quantities import SHARES, SIZES, TIMES, parse

    units = {"_ms": TIMES, "_bytes": SIZES}
    given = {}
    for field, option in OPTIONS.items():
        text = getattr(args, option.removeprefix("--").replace("-", "_"))
        if text is not None:
            of_field = next((found for end, found in units.items() if field.endswith(end)), SHARES)
            given[field] = parse(text, of_field, option)
    return Constraints(**given)


def _of_device(benches: "tuple[Bench, ...]", name: str | None) -> "Bench":
    known = sorted({bench.device for bench in benches})
    if name is None and len(known) > 1:
        raise UsageError(f"results of {', '.join(known)}; say which with --device")
    if name is not None and name not in known:
        raise UsageError(
            f"no results of device {name} (there are: {', '.join(known)}); make them with: "
            f"edgeall bench --device {name}"
        )
    found = [bench for bench in benches if name in (None, bench.device)]
    if len(found) > 1:
        machines = "; ".join(
            f"{bench.machine or 'unknown'}{' (emulated)' if bench.emulated else ''}" for bench in found
        )
        raise UsageError(
            f"device {found[0].device}: results of {len(found)} machines ({machines}); name the files of one"
        )
    return found[0]


def _formats(device: str) -> tuple[str, ...] | None:
    """What the profile runs; None where none of that name is here, as of results from elsewhere."""
    from edgeall import config_files
    from edgeall.targets.profile import read_profile

    known = config_files.available("devices")
    return read_profile(known[device]).formats if device in known else None


def _table(found: "Recommendation") -> object:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from edgeall.recommending import HEADINGS, rows

    grid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    last = len(HEADINGS) - 1
    for place, heading in enumerate(HEADINGS):
        grid.add_column(heading, justify="left" if place in (0, last) else "right", overflow="fold")
    for row in rows(found):
        grid.add_row(*row)
    return grid
