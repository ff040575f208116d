"""`edgeall devices`: lists the devices for bench, checks them, and provisions them."""

import argparse
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall.cli.display import Display
from edgeall.errors import EdgeallError, UsageError

if TYPE_CHECKING:
    from edgeall.targets import Profile

_LIST_CONNECT_SECONDS = 3


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "verb",
        nargs="?",
        default="list",
        choices=["list", "check", "provision"],
        help="list: profiles, and whether they can be reached now (default); check: properties of a device, and what "
        "it lacks; provision: install edgeall and the engines on it, without internet there",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="name of a device, or a TOML file")
    parser.add_argument(
        "--model",
        nargs="+",
        default=[],
        metavar="ARTIFACT",
        type=Path,
        help="with check: run the golden pictures of artifacts there; what is missing on a board is installed first",
    )
    parser.add_argument("--host", metavar="[USER@]HOST[:PORT]", help="its address, instead of the profile's")
    parser.epilog = (
        "A TOML file in ~/.config/edgeall/devices/ adds a device: see devices/template.toml. Exit status of check "
        "and provision: 0 ready, 1 something is missing, 2 not reached."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    if args.model and args.verb != "check":
        raise UsageError("--model belongs to: edgeall devices check NAME --model ARTIFACT")
    if args.verb == "list":
        if args.name or args.host:
            raise UsageError(
                "list takes neither a name nor --host; did you mean: edgeall devices check NAME?"
            )
        return _list(display)
    if not args.name:
        raise UsageError(f"which device? edgeall devices {args.verb} NAME")
    from edgeall.targets import Address, found, load_profile

    address = Address.parse(args.host) if args.host else None
    profile = found(load_profile(args.name), address, display)
    return _check(profile, args.model, display) if args.verb == "check" else _provision(profile, display)


def _list(display: Display) -> int:
    from concurrent.futures import ThreadPoolExecutor

    from edgeall.targets import all_profiles

    profiles = all_profiles()
    with ThreadPoolExecutor(len(profiles)) as pool:
        devices = list(pool.map(_describe, profiles))
    display.emit(devices)
    if not display.as_json:
        display.show(_table(devices))
    return 0


def _describe(profile: "Profile") -> dict[str, Any]:
    reason = _unreachable(profile)
    return {
        "name": profile.name,
        "reach": profile.reach,
        "reachable": reason is None,
        "reason": reason,
        "formats": list(profile.formats),
        "threads": ["all" if count == 0 else count for count in profile.threads],
        "batches": list(profile.batches),
        "accelerators": {format: str(place) for format, place in profile.accelerators.items()},
        "notes": profile.notes,
    }


def _unreachable(profile: "Profile") -> str | None:
    """Why a device cannot be reached; None where it can. A board must be of the profile's model."""
    from contextlib import closing

    from edgeall.targets import SshTarget, open_target

    if profile.reach != "ssh":
        with closing(open_target(profile)) as target:
            return target.unreachable()
    with closing(SshTarget(profile, connect_seconds=_LIST_CONNECT_SECONDS)) as board:
        try:
            return next((f.text for f in board.examine().lacking if f.subject == "model"), None)
        except EdgeallError as error:
            return str(error)


def _table(devices: list[dict[str, Any]]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table("device", "reach", "reachable now", "formats", "threads", "notes", box=box.SIMPLE)
    for device in devices:
        table.add_row(
            device["name"],
            device["reach"],
            "yes" if device["reachable"] else f"no: {device['reason']}",
            ", ".join(device["formats"]),
            ", ".join(map(str, device["threads"])),
            device["notes"],
        )
    return table


def _check(profile: "Profile", models: list[Path], display: Display) -> int:
    from contextlib import closing

    from edgeall.targets import open_board
    from edgeall.targets.answers import judge_answers
    from edgeall.targets.readiness import judge_here

    if profile.board is None:
        from edgeall.measuring.environment import environment

        measured: dict[str, Any] | None = environment()
        findings, host = judge_here(measured or {}, profile), None
    else:
        with closing(open_board(profile, display)) as target:
            examined = target.examine(try_engines=True)
            findings, host = list(examined.findings), str(target.address)
            measured = examined.probe["environment"] if examined.probe else None
    if all(finding.level != "missing" for finding in findings):
        findings += judge_answers(profile, models, display)
    able = all(finding.level != "missing" for finding in findings)
    display.emit(
        {
            "name": profile.name,
            "host": host,
            "able": able,
            "findings": [dataclasses.asdict(finding) for finding in findings],
            "environment": measured,
        }
    )
    if not display.as_json:
        marks = {"good": "  ", "warning": "! ", "missing": "✗ "}
        width = max(len(finding.subject) for finding in findings)
        lines = [f"{marks[f.level]}{f.subject:<{width}}  {f.text}" for f in findings]
        verdict = "able to bench" if able else "not able to bench: see ✗"
        display.show(f"{profile.name}{f' at {host}' if host else ''}: {verdict}", *lines)
    return 0 if able else 1


def _provision(profile: "Profile", display: Display) -> int:
    from contextlib import closing

    from edgeall.targets import open_board
    from edgeall.targets.field_tier import LAUNCHER

    if profile.board is None:
        raise UsageError(f"device {profile.name} is this machine; there is nothing to provision")
    began = time.monotonic()
    with closing(open_board(profile, display)) as target:
        ready = target.provision(target.examine())
        host = str(target.address)
    seconds = time.monotonic() - began
    failed = {module: why for module, why in ready.engines.items() if why is not None}
    document: dict[str, Any] = {
        "name": profile.name,
        "host": host,
        "folder": ready.folder,
        "pushed": [{"to": upload.to, "bytes": upload.size} for upload in ready.pushed],
        "bytes": sum(upload.size for upload in ready.pushed),
        "seconds": seconds,
        "engines": ready.engines,
        "command": f"{ready.folder}/{LAUNCHER}",
    }
    display.emit(document)
    if not display.as_json:
        sent = [f"  {upload.size / 1e6:6.1f} MB  {upload.to}" for upload in ready.pushed]
        total = (
            f"{document['bytes'] / 1e6:.1f} MB sent to {ready.folder}" if sent else "all was there already"
        )
        works = ", ".join(module for module in ready.engines if module not in failed)
        display.show(
            f"{profile.name} at {host}: {total}, {seconds:.1f} s",
            *sent,
            f"works there: {works}",
            f"run there: {document['command']} classify --model ARTIFACT IMAGE…",
        )
    for module, why in failed.items():
        display.error(f"{host}: {module} cannot be imported there: {why}")
    return 1 if failed else 0
