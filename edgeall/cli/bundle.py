"""`edgeall bundle`: makes a kit of an artifact for a device."""

import argparse
from pathlib import Path

from edgeall.cli.display import Display
from edgeall.cli.keys import add_key, opened_key


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT")
    parser.add_argument(
        "--device",
        required=True,
        metavar="NAME",
        help="name of a device (rpi5, rpi4, laptop, windows), or a TOML file",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="the kit: a .zip, which Python runs, or a .tar.zst",
    )
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="3.N",
        help="a version of Python on the device, repeatable (default: those of its profile, else this one's)",
    )
    add_key(parser, "sign the kit with this private key")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists already")
    parser.epilog = (
        "Wheels come from where pip is set to look, once; after that the cache serves. On the device: python3 FILE.zip "
        "install. Research use only; not a medical device."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    from edgeall.bundling import bundle
    from edgeall.targets import load_profile

    profile = load_profile(args.device)
    key = opened_key(args.key) if args.key else None
    made = bundle(
        args.artifact, profile, args.output,
        pythons=args.python, key=key, overwrite=args.overwrite, progress=display,
    )  # fmt: skip
    display.emit(
        {
            "path": str(made.path),
            "id": made.id,
            "device": profile.name,
            "pythons": list(made.pythons),
            "size_bytes": made.size_bytes,
            "parts": made.parts,
            "signed_by": made.signed_by,
        }
    )
    if not display.as_json:
        parts = ", ".join(f"{kind} {size / 1e6:.1f}" for kind, size in made.parts.items() if size)
        signed = f"signed by {made.signed_by[:16]}…" if made.signed_by else "not signed (--key KEY signs it)"
        display.show(
            f"{made.path}: {made.size_bytes / 1e6:.1f} MB ({parts} MB), for {profile.name} with Python "
            f"{' or '.join(made.pythons)}; {signed}"
        )
    return 0
