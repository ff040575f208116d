"""`edgeall keys`: makes a signing key, signs kits, verifies them."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgeall.cli.display import Display
from edgeall.errors import UsageError

if TYPE_CHECKING:
    from edgeall.bundling import Key

PASSPHRASE = "EDGEALL_KEY_PASSPHRASE"  # noqa: S105


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(title="verbs", dest="verb", metavar="VERB", required=True)
    make = verbs.add_parser(
        "make", help="write a pair of keys: NAME.key, which signs, and NAME.pub, which verifies"
    )
    make.add_argument("name", type=Path, metavar="NAME")
    make.add_argument(
        "--passphrase",
        action="store_true",
        help=f"encrypt NAME.key with a passphrase, asked for at the terminal or taken from {PASSPHRASE}",
    )
    make.add_argument(
        "--overwrite",
        action="store_true",
        help="replace both keys; kits signed with the old one need its NAME.pub",
    )
    sign = verbs.add_parser("sign", help="sign a kit in its place")
    sign.add_argument("kit", type=Path, metavar="KIT")
    add_key(sign, "the private key", required=True)
    sign.add_argument("--overwrite", action="store_true", help="sign a kit anew that is signed already")
    verify = verbs.add_parser("verify", help="check every byte of a kit, and whose it is")
    verify.add_argument(
        "kit", type=Path, metavar="KIT", help="a kit's file, or the folder that it was unpacked to"
    )
    verify.add_argument(
        "--key",
        type=Path,
        metavar="NAME.pub",
        help="the public key that it must be signed by; without it, damage is detected, but not a forged kit",
    )
    parser.epilog = (
        "Keys are on the curve P-256; signatures are in the OpenSSF's model-signing format, made and verified offline. "
        "Exit status of verify: 0 sound, 1 damaged or not signed by that key, 2 not readable."
    )


def add_key(parser: argparse.ArgumentParser, text: str, *, required: bool = False) -> None:
    """Add `--key` for a private key."""
    parser.add_argument(
        "--key",
        type=Path,
        required=required,
        metavar="NAME.key",
        help=f"{text}; a passphrase is taken from {PASSPHRASE}",
    )


def opened_key(path: Path) -> "Key":
    """The private key in a file, with its passphrase from the environment or the terminal.

    Raises:
        UsageError: see `edgeall.bundling.load_key`.
    """
    from edgeall import files
    from edgeall.bundling.keys import MAX_BYTES, load_key

    given = os.environ.get(PASSPHRASE)
    try:
        encrypted = b"ENCRYPTED" in files.read_at_most(path, MAX_BYTES)
    except (OSError, ValueError):
        encrypted = False
    if encrypted and given is None and sys.stdin.isatty():
        import getpass

        given = getpass.getpass(f"passphrase of {path}: ")
    return load_key(path, given if encrypted else None)


def run(args: argparse.Namespace, display: Display) -> int:
    return {"make": _make, "sign": _sign, "verify": _verify}[args.verb](args, display)


def _make(args: argparse.Namespace, display: Display) -> int:
    from edgeall.bundling import make_key

    private, public, key = make_key(
        args.name, _new_passphrase() if args.passphrase else None, overwrite=args.overwrite
    )
    display.emit({"private": str(private), "public": str(public), "fingerprint": key.fingerprint})
    if not display.as_json:
        display.show(
            f"{private}: signs kits; keep it to yourself, and a copy in a safe place",
            f"{public}: verifies them; give it to who installs kits, in another way than the kits",
            f"fingerprint: {key.fingerprint}",
        )
    return 0


def _new_passphrase() -> str:
    given = os.environ.get(PASSPHRASE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise UsageError(f"--passphrase: there is no terminal to ask at; give it in {PASSPHRASE}")
    import getpass

    first = getpass.getpass("passphrase: ")
    if getpass.getpass("once more: ") != first:
        raise UsageError("the two passphrases differ; no key was made")
    return first


def _sign(args: argparse.Namespace, display: Display) -> int:
    from edgeall.bundling import sign_kit

    kit = sign_kit(args.kit, opened_key(args.key), overwrite=args.overwrite)
    display.emit({"path": str(args.kit), "id": kit.id, "signed_by": kit.signed_by})
    if not display.as_json:
        display.show(f"{args.kit}: signed by {kit.signed_by}")
    return 0


def _verify(args: argparse.Namespace, display: Display) -> int:
    from edgeall.bundling import load_public_key, verify_kit
    from edgeall.station.command import signature_in_words

    kit = verify_kit(args.kit, load_public_key(args.key) if args.key else None)
    display.emit(
        {
            "path": str(args.kit),
            "id": kit.id,
            "files": len(kit.digests),
            "signed_by": kit.signed_by,
            "trusted": kit.trusted,
        }
    )
    if not display.as_json:
        words = signature_in_words(kit.signed_by, kit.trusted)
        display.show(f"{args.kit}: {len(kit.digests)} files, all as they were made; {words}")
    return 0
