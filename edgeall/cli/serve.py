"""`edgeall serve`: a local web page that classifies pictures, and follows a watched folder."""

import argparse
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeall.artifact import read
from edgeall.cli.classify import add_cells_option, add_engine_options, caveats, default_model
from edgeall.cli.display import Display
from edgeall.cli.log import add_log_option
from edgeall.cli.logged_classifier import logged_classifier
from edgeall.errors import UsageError

if TYPE_CHECKING:
    from edgeall.serving import Address


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument(
        "--watch",
        type=Path,
        metavar="DIR",
        help="also classify the pictures that a camera writes to this folder, and show them as they arrive",
    )
    add_log_option(parser)
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on: 127.0.0.1 for this machine alone (default), 0.0.0.0 for its network, with a token",
    )
    parser.add_argument("--port", type=int, default=8765, metavar="N", help="port (default: 8765; 0: any)")
    add_engine_options(parser)
    add_cells_option(parser)
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="write the pictures that clients send to DIR (without it, they are not written to disk)",
    )
    parser.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="certificate for HTTPS, PEM (default: one is made with openssl where --host is not this machine alone)",
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="the certificate's key, PEM")
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name by which clients call this machine",
    )
    parser.epilog = (
        "Ends with Ctrl-C or SIGTERM. Answers are kept in the log of edgeall log. "
        "Exit status: 0 ended as asked, 2 the address, the model or the log cannot be used."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    """Serve until a signal."""
    from edgeall.serving import Settings, serve
    from edgeall.serving.certificate import Certificate

    if not 0 <= args.port <= 65535:
        raise UsageError("--port is a number from 0 to 65535")
    if (args.certificate is None) != (args.key is None):
        raise UsageError("--certificate and --key belong together: give both or none")
    artifact = read(args.model or default_model())
    known = caveats(artifact, display)
    settings = Settings(
        host=args.host,
        port=args.port,
        watch=args.watch,
        keep=args.keep,
        certificate=None if args.key is None else Certificate(args.certificate, args.key),
        certificates=_state() / "certificates",
        names=tuple(args.name),
        caveats=tuple(known),
    )
    with logged_classifier(args, artifact, display) as (classifier, log, stop):
        serve(classifier, log, settings, started=partial(_tell, display=display), stop=stop)
    return 0


def _state() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "edgeall"


def _tell(address: "Address", display: Display) -> None:
    """Say where the page is."""
    display.emit({"url": address.url, "token": address.token, "fingerprint": address.fingerprint}, line=True)
    link = address.url if address.token is None else f"{address.url}enter?token={address.token}"
    display.show(f"open {link} in a browser; Ctrl-C ends")
    if address.fingerprint is not None and address.self_made:
        display.note(
            "browsers warn of a certificate that a station made for itself: go on only if it has the SHA-256 "
            f"fingerprint {address.fingerprint}"
        )
    if not address.local and address.fingerprint is None:
        display.warn(
            "no certificate: pictures and the token cross the network in the clear, and browsers on other machines "
            "do not open their cameras; install openssl, or give --certificate and --key"
        )
