"""`edgeall devices`: the devices that bench knows."""

import argparse
from typing import Any

from edgeall.cli.display import Display


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "verb",
        nargs="?",
        default="list",
        choices=["list"],
        help="list: profiles, and which can be reached now",
    )
    parser.epilog = "A file of yours in ~/.config/edgeall/devices/ adds a device: see devices/template.toml."


def run(args: argparse.Namespace, display: Display) -> int:
    from edgeall.targets import all_profiles

    devices = [_describe(profile) for profile in all_profiles()]
    if display.as_json:
        display.emit(devices)
    else:
        display.show(_table(devices))
    return 0


def _describe(profile: Any) -> dict[str, Any]:
    from edgeall.targets import open_target

    reason = open_target(profile).unreachable()
    return {
        "name": profile.name,
        "reach": profile.reach,
        "reachable": reason is None,
        "reason": reason,
        "formats": list(profile.formats),
        "threads": ["all" if count == 0 else count for count in profile.threads],
        "notes": profile.notes,
    }


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
