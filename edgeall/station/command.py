"""The program of a kit and of an installed station: `python3 KIT.zip VERB`, or `bin/edgeall-kit VERB`."""

import argparse
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import installing, units
from .errors import KitError
from .installing import Station
from .verifying import read_key, verify

_NOTICE = "research use only, not a medical device"


def main(own: Path, arguments: list[str] | None = None) -> int:
    """Run one command line; `own`: the kit, or its installed part, that this program is of. Returns the exit status."""
    installed = (own.parent / installing.INSTALLED).is_file()
    args = _parser(None if installed else own, own.parents[2] if installed else None).parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(args.run(args))
    except KitError as error:
        print(f"edgeall-kit: {plain(str(error))}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("edgeall-kit: interrupted; the station is as before", file=sys.stderr)
        return 130


def plain(text: str) -> str:
    """Text from a kit on one line: control and direction characters are escaped."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _parser(kit: Path | None, station: Path | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgeall-kit",
        description="Verify and install a kit of edgeall, without root, internet, pip or venv.",
        epilog=f"{_NOTICE}. Exit status 0: done; 1: a kit is damaged, of another signer, or answers wrongly; 2: "
        "nothing could be done.",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--to",
        type=Path,
        default=station or installing.default_folder(),
        metavar="DIR",
        help="the station (default: %(default)s)",
    )
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument(
        "kit",
        type=Path,
        metavar="KIT",
        nargs="?" if kit else None,
        default=kit,
        help="the kit's archive, or the folder that it was unpacked to"
        + (" (default: this one)" if kit else ""),
    )
    which.add_argument(
        "--key", type=Path, metavar="FILE.pub", help="the kit must be signed by this public key"
    )

    def verb(name: str, run: object, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text, parents=list(parents))
        made.set_defaults(run=run)
        return made

    verb(
        "install", _install, "verify a kit, install it beside the one in use, and switch to it", which, where
    )
    verb("verify", _verify, "check every file of a kit, and its signature", which)
    verb("status", _status, "the kit in use, and the one before it", where)
    verb("rollback", _roll_back, "switch to the kit before", where)
    verb("check", _check, "compare the installed files with their checksums", where)
    service = verb(
        "service", _service, "run edgeall watch or serve whenever this user is logged in (systemd)", where
    )
    service.add_argument("service", choices=sorted(units.SERVICES))
    service.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="the folder to watch")
    return parser


def _install(args: argparse.Namespace) -> int:
    key = read_key(args.key) if args.key else None
    station = installing.install(args.kit, args.to, key, lambda text: print(plain(text)))
    print(f"installed {station.current} in {station.folder}")
    if station.before:
        print(f"the kit before is kept: {station.folder / 'bin' / 'edgeall-kit'} rollback")
    print(f"run: {station.command} classify PICTURE\n{_NOTICE}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    kit = verify(args.kit, read_key(args.key) if args.key else None)
    words = signature_in_words(kit.signed_by, kit.trusted)
    print(plain(f"{args.kit.name}: {len(kit.digests)} files, all as they were made; {words}"))
    return 0


def signature_in_words(signed_by: str | None, trusted: bool) -> str:
    """What a verified signature shows, and what it does not."""
    if signed_by is None:
        return "not signed: this shows damage, and not deceit"
    if trusted:
        return f"signed by the given key {signed_by[:16]}…"
    return f"signed by {signed_by[:16]}…, which shows no deceit only if that is the maker's key: give it with --key"


def _status(args: argparse.Namespace) -> int:
    station = Station.at(args.to)
    if station.current is None:
        raise KitError(f"{station.folder}: no kit is installed")
    for title, name in (("in use", station.current), ("before", station.before)):
        if name is not None:
            manifest = station.manifest(name)
            print(plain(f"{title}: {name} (edgeall {manifest['edgeall']}, {manifest['model']['file']})"))
    return 0


def _roll_back(args: argparse.Namespace) -> int:
    station = installing.roll_back(args.to)
    print(f"in use: {station.current}; before: {station.before}")
    return 0


def _check(args: argparse.Namespace) -> int:
    print(f"{installing.check(args.to)} files, all as they were installed")
    return 0


def _service(args: argparse.Namespace) -> int:
    station = Station.at(args.to)
    if station.current is None:
        raise KitError(f"{station.folder}: no kit is installed")
    if (args.service == "watch") != (args.folder is not None):
        raise KitError(
            "which folder? edgeall-kit service watch DIR" if args.folder is None else "serve takes no folder"
        )
    if sys.platform != "linux":
        raise KitError("services are systemd's, which this system does not have")
    watched = None
    if args.folder is not None:
        if not args.folder.is_dir():
            raise KitError(f"{args.folder}: no such folder")
        watched = str(args.folder.absolute())
    place = units.folder(Path.home(), os.environ.get("XDG_CONFIG_HOME"))
    name = units.unit_name(args.service)
    text = units.unit(args.service, str(station.command), watched)
    try:
        place.mkdir(parents=True, exist_ok=True)
        installing.write_file(place / name, text.encode())
    except OSError as error:
        raise KitError(f"{place / name}: cannot be written ({error.strerror or error})") from None
    print(f"wrote {place / name}")
    commands = (["systemctl", "--user", "daemon-reload"], ["systemctl", "--user", "enable", "--now", name])
    if shutil.which("systemctl") and all(
        subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603
        for command in commands
    ):
        print(
            f"runs now, and whenever this user is logged in; to stop: systemctl --user disable --now {name}"
        )
        return 0
    print(f"systemd does not run for this user now; later: {' && '.join(map(' '.join, commands))}")
    return 0
