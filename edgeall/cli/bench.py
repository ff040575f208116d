"""`edgeall bench`: accuracy, latency and memory of artifacts on a device."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall.cli.display import Display
from edgeall.errors import UsageError
from edgeall.progress import Progress

if TYPE_CHECKING:
    from edgeall.benching import BoardOutcome
    from edgeall.results import Document


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="RUN|ENSEMBLE|ARTIFACT",
        help="what to bench (default: every export under ./runs)",
    )
    parser.add_argument(
        "--device", default="laptop", metavar="NAME", help="a name of 'edgeall devices', or a TOML file"
    )
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="[USER@]HOST[:PORT]",
        help="where the device is, for one reached over ssh; given again, several boards at once",
    )
    parser.add_argument(
        "--fleet",
        type=Path,
        metavar="FILE",
        help="several boards at once: a file with an address as of --host on each line; # begins a comment",
    )
    parser.add_argument(
        "--at-once",
        type=int,
        metavar="N",
        help="boards that are measured at the same time, at most (default: 16)",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="where the test images are now, or another labelled folder"
    )
    parser.add_argument(
        "--quick", action="store_true", help="3 rounds instead of 5; all other rules are kept"
    )
    parser.add_argument("--threads", metavar="N,N…", help="thread counts, 'all' among them (default: 1,all)")
    parser.add_argument(
        "--batch",
        metavar="N,N…",
        help="images in one inference, beside the latency of single ones (default: what the device's profile says)",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="turns of each artifact, in fresh processes")
    parser.add_argument("--min-runs", type=int, metavar="N", help="timed runs over all rounds, at least")
    parser.add_argument(
        "--min-seconds", type=float, metavar="S", help="timed seconds over all rounds, at least"
    )
    parser.add_argument(
        "--max-seconds", type=float, metavar="S", help="timed seconds over all rounds, at most"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="measure all again and replace earlier results"
    )
    parser.add_argument(
        "--cross-check",
        action="store_true",
        help="let the engines' own benchmark tools measure the same files beside edgeall, and tell the ratio",
    )
    parser.add_argument(
        "--corruptions",
        action="store_true",
        help="measure accuracy on corrupted test images too: eight kinds at five strengths",
    )
    parser.add_argument(
        "--corruption-images",
        type=int,
        default=200,
        metavar="N",
        help="test images that --corruptions takes, at most (default: %(default)s)",
    )
    parser.epilog = (
        "Results of a run's artifacts go to <run>/bench/<device>.json, with --host or --fleet to <device>-<host>.json. "
        "An interrupted bench goes on where it was when the same command is given again; more threads or batches are "
        "added to what there is. "
        "Close other programs: what they take from the processor is measured too."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    from edgeall import results
    from edgeall.benching import boards, find_artifacts
    from edgeall.targets import able_here, load_profile

    profile = able_here(load_profile(args.device), display)
    if args.cross_check and profile.accelerators:
        raise UsageError(
            "--cross-check: the engines' own tools are run on the processor, not on accelerators"
        )
    if args.corruption_images < 1:
        raise UsageError("--corruption-images: at least 1")
    if args.at_once is not None and args.at_once < 1:
        raise UsageError("--at-once: at least 1")
    addresses = boards(args.host, args.fleet)
    if args.at_once is not None and args.fleet is None and len(addresses) < 2:
        raise UsageError("--at-once is for several boards: give --fleet, or --host several times")
    for address in addresses[:1]:
        # Whether the device is one of those that have addresses: once, and not by each board.
        profile.at(address)
    if not _settings(args, profile).obeys_rules:
        display.warn("fewer runs, seconds or rounds than comparable figures need; the results say so")
    paths = find_artifacts(args.targets)
    if args.fleet is not None or len(addresses) > 1:
        return _fleet(args, profile, paths, addresses, display)
    document = _bench(args, profile, paths, next(iter(addresses), None), display)
    written = results.to_json(document)
    display.emit(written)
    if not display.as_json:
        from edgeall.reporting import Terminal

        display.show(Terminal(results.merge([("this bench", written)])))
    return _status(document, display)


def _bench(
    args: argparse.Namespace, profile: Any, paths: list[Path], address: Any, progress: Progress
) -> "Document":
    from edgeall.benching import bench, find_ensembles
    from edgeall.targets import found

    device = found(profile, address, progress)
    settings = _settings(args, device)
    return bench(
        paths, device, settings,
        data=args.data, ensembles=find_ensembles(args.targets), overwrite=args.overwrite,
        witnesses=args.cross_check,
        corruption_images=args.corruption_images if args.corruptions else 0, progress=progress,
    )  # fmt: skip


_SIDE_BY_SIDE = 8
"""Boards in one table, at most: each has three columns."""


def _fleet(
    args: argparse.Namespace, profile: Any, paths: list[Path], addresses: list[Any], display: Display
) -> int:
    from functools import partial

    from edgeall.benching import AT_ONCE, BoardOutcome, census, fleet

    work = {str(address): partial(_bench, args, profile, paths, address) for address in addresses}
    # The documents of thousands of boards would fill the memory. Each board's own file has its.
    kept = display.as_json or len(work) <= _SIDE_BY_SIDE
    ended: dict[str, BoardOutcome] = {}
    for outcome in fleet(work, display, args.at_once or AT_ONCE):
        display.note(str(outcome))
        ended[outcome.name] = outcome if kept else outcome.dropped()
    outcomes = [ended[name] for name in work]
    _show_fleet(outcomes, display)
    for outcome in outcomes:
        if outcome.error is not None:
            display.error(f"{outcome.name}: {outcome.error}")
        elif outcome.failed:
            display.error(f"{outcome.name}: failed, in whole or in part: {', '.join(outcome.failed)}")
    display.show(census(outcomes))
    if all(outcome.error is not None for outcome in outcomes):
        return 2
    return 1 if any(outcome.error is not None or outcome.failed for outcome in outcomes) else 0


def _show_fleet(outcomes: Sequence["BoardOutcome"], display: Display) -> None:
    """The results of all boards, in the order in which they were named."""
    from edgeall import results
    from edgeall.reporting import Fleet, Terminal

    written = {each.name: results.to_json(each.document) for each in outcomes if each.document is not None}
    failures = [{"host": each.name, "error": str(each.error)} for each in outcomes if each.error is not None]
    display.emit({"schema": 1, "benches": list(written.values()), "failures": failures})
    if display.as_json:
        return
    if written:
        benches = results.merge(list(written.items()))
        display.show(Fleet(benches) if len(benches) > 1 else Terminal(benches))
    elif any(each.error is None for each in outcomes):
        display.show("results of each board: <run>/bench/<device>-<host>.json, for edgeall report")


def _status(document: "Document", display: Display) -> int:
    failed = sorted({failure.artifact for failure in document.failures or ()})
    if failed:
        display.error(f"failed, in whole or in part, as said above: {', '.join(failed)}")
    return 1 if failed else 0


def _settings(args: argparse.Namespace, profile: Any) -> Any:
    from edgeall.measuring.plan import QUICK, BenchSettings
    from edgeall.targets import parse_batches, parse_threads

    settings = profile.settings(QUICK if args.quick else BenchSettings())
    given = {name: getattr(args, name) for name in ("rounds", "min_runs", "min_seconds", "max_seconds")}
    changes = {name: value for name, value in given.items() if value is not None}
    if args.threads is not None:
        changes["threads"] = parse_threads(args.threads.split(","))
    if args.batch is not None:
        changes["batches"] = parse_batches(args.batch.split(","))
    return dataclasses.replace(settings, **changes)
