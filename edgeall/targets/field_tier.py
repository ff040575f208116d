"""What a board needs besides its Python: edgeall's field tier, and wheels for its processor, fetched here.

The board needs no internet, no pip and no right to install anything; its own Python's packages stay as they are.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import edgeall
from edgeall import config_files
from edgeall.engines import ENGINES
from edgeall.progress import SILENT, Progress
from edgeall.targets.connection import BoardInfo
from edgeall.targets.uploads import Upload
from edgeall.targets.wheels import Platform, choose

WORKSTATION_ROOMS = frozenset(
    (
        *("benching", "bundling", "cards", "cluster", "comparing", "ensembling", "evaluating", "exporting"),
        *("importing", "recommending", "reporting", "results", "statistics", "training", "tuning"),
    )
)
"""Parts of the package that a board has no use for."""

_EVERYWHERE = ("msgspec", "numpy", "pillow", "rich")

NOT_NEEDED = ("pygments",)
"""Distributions that others require and edgeall does not use: rich imports Pygments to colour source text alone."""

LAUNCHER = "bin/edgeall"


def code() -> Upload:
    """The package less its workstation rooms, as a ZIP file whose bytes depend on its contents alone."""
    package = Path(edgeall.__file__).resolve().parent
    members = {
        f"edgeall/{path.relative_to(package).as_posix()}": path
        for path in package.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.relative_to(package).parts[0] not in WORKSTATION_ROOMS | {"shipped"}
    }
    for file in config_files.folder("devices").glob("*.toml"):
        members[f"edgeall/shipped/devices/{file.name}"] = file
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name), members[name].read_bytes(), zipfile.ZIP_DEFLATED)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    return Upload(f"archives/edgeall-{digest[:16]}.zip", digest, len(content), content)


def distributions(formats: Iterable[str]) -> tuple[list[str], list[str]]:
    """What a device needs to run artifacts of `formats`: all distributions, and the engines among them."""
    engines = [ENGINES[format].distribution for format in sorted(set(formats))]
    return [*_EVERYWHERE, *engines], engines


def wheels(
    formats: Iterable[str], versions: Mapping[str, str], greeting: BoardInfo, progress: Progress = SILENT
) -> list[Upload]:
    """Wheels of the engines of `formats` and what they need, for the board's processor, C library and Python.

    An engine's version is the one in `versions`, else this workstation's, so that both give the same answers, else the
    newest there is.

    Raises:
        DeviceError: there is no wheel for such a board, or the index cannot be reached.
    """
    names, engines = distributions(formats)
    found = choose(
        [*names, *versions],
        versions,
        Platform.of_board(greeting),
        progress,
        as_here=engines,
        without=NOT_NEEDED,
    )
    return [Upload.of_file(wheel.path, f"archives/{wheel.name}", wheel.sha256) for wheel in found]


def unpacked_name(parcels: Iterable[Upload]) -> str:
    """Where the board unpacks these archives: a folder named by their contents."""
    lines = "".join(sorted(f"{parcel.sha256}\n" for parcel in parcels))
    return f"unpacked/{hashlib.sha256(lines.encode()).hexdigest()[:16]}"
