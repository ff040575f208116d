"""One artifact, for one device, in one file."""

import json
import re
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from edgeall import __version__, artifact, documents, files, station
from edgeall.artifact import Artifact
from edgeall.bundling.guide import BOOTSTRAP, guide
from edgeall.bundling.keys import Key
from edgeall.bundling.licences import described, licence_files
from edgeall.bundling.manifest import Environment, KitModel, Manifest
from edgeall.bundling.signing import suffix_of, write_kit
from edgeall.cards import Software, gather, ml_bom, texts
from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.progress import SILENT, Progress
from edgeall.station import units
from edgeall.station.unpacking import UnpackingError, checked_name
from edgeall.station.verifying import MANIFEST
from edgeall.targets import field_tier
from edgeall.targets.profile import KitPlace, Profile, parsed_python
from edgeall.targets.wheel_requirements import unmet
from edgeall.targets.wheels import Platform, Wheel, choose

BOM, MODEL_CARD = "sbom.cdx.json", "model-card.md"
SERVE = ("starlette", "uvicorn")
"""Distributions that `edgeall serve` needs beside the field tier's."""

_LONGEST = 60
"""Characters of a kit's name."""

_OWN_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"

_STATION = "%h/.local/share/edgeall-station/bin/edgeall"
"""The station's command where no other folder is named."""


@dataclass(frozen=True)
class Bundled:
    """A kit that was written.

    Attributes:
        id: names the kit by its contents.
        size_bytes: of the file.
        parts: bytes in the file by what they are: "wheels", "model", "edgeall", "licences", "other".
        pythons: versions that it serves.
        signed_by: fingerprint of the key; None for no signature.
    """

    path: Path
    id: str
    size_bytes: int
    parts: dict[str, int]
    pythons: tuple[str, ...]
    signed_by: str | None


def bundle(
    path: AnyPath,
    profile: Profile,
    out: AnyPath,
    *,
    pythons: Sequence[str] = (),
    key: Key | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Bundled:
    """Write a kit of the artifact at `path` for a device.

    Args:
        out: ends with ".zip" or ".tar.zst".
        pythons: versions to serve, as "3.11", instead of the profile's.
        key: signs the kit.

    Raises:
        ArtifactError: the artifact is missing or damaged.
        UsageError: it does not run on the device, there are no kits for the device, or `out` exists and not
            `overwrite`.
        DeviceError: there are no wheels for the device, or no index can be reached.
        FileError: it cannot be written.
    """
    path, out = Path(path), Path(out)
    suffix_of(out)
    files.refuse_overwrite(out, overwrite)
    read = artifact.read(path)
    _check_names(path)
    place = _place(read, profile)
    platforms = [
        Platform(
            place.system, place.machine, _python(version), "" if place.system == "Windows" else place.glibc
        )
        for version in dict.fromkeys(pythons or place.pythons or (_OWN_PYTHON,))
    ]
    chosen = {platform: _wheels(read, profile, platform, progress) for platform in platforms}
    wheels = list({wheel.name: wheel for each in chosen.values() for wheel in each}.values())
    name = re.sub(r"[^A-Za-z0-9._+-]+", "_", f"{path.stem}-{profile.name}")[:_LONGEST]
    code = field_tier.code()
    assert isinstance(code.source, bytes)
    model = {f"model/{file.name}": file for file in artifact.files_of(path)}
    manifest = Manifest(
        name,
        __version__,
        profile.name,
        KitModel(f"model/{path.name}", read.sha256, read.metadata.format, read.metadata.precision),
        f"code/{Path(code.to).name}",
        tuple(
            Environment(
                *(platform.system, platform.machine, platform.python_version, platform.glibc),
                bytes=_unpacked(chosen[platform]) + code.size + read.size_bytes,
                wheels=tuple(f"wheels/{wheel.name}" for wheel in chosen[platform]),
            )
            for platform in platforms
        ),
    )
    (facts,) = gather([path])
    subject = Software(name, __version__, "Apache-2.0", kind="application")
    bom = ml_bom([facts], [_own_software(code.sha256), *map(_software, wheels)], subject)
    contents: dict[str, Path | bytes] = {
        **model,
        **{f"wheels/{wheel.name}": wheel.path for wheel in wheels},
        manifest.code: code.source,
        **{f"station/{file.name}": file for file in _station_files()},
        **{
            f"licences/{file}": text
            for file, text in licence_files(wheels, __version__, read.metadata.provenance.licence).items()
        },
        **{f"units/{units.unit_name(service)}": _unit(service) for service in units.SERVICES},
        MANIFEST: _json(documents.plain(manifest)),
        BOM: _json(bom),
        MODEL_CARD: texts(facts)["README.md"].encode(),
        "README.txt": guide(
            suffix_of(out), profile.name, [p.python_version for p in platforms], place.system
        ).encode(),
        "__main__.py": BOOTSTRAP.encode(),
    }
    kit = write_kit(out, name, contents, key)
    return Bundled(
        *(out, kit.id, out.stat().st_size, _parts(contents)),
        tuple(platform.python_version for platform in platforms),
        kit.signed_by,
    )


def _check_names(path: Path) -> None:
    """A kit's names are files on every system."""
    try:
        for file in artifact.files_of(path):
            checked_name(file.name)
    except UnpackingError:
        raise UsageError(
            f"{path}: this name is no file's on every system; rename it, with letters, digits, . _ -"
        ) from None


def _place(read: Artifact, profile: Profile) -> KitPlace:
    """What the kit is made for, if the artifact runs there."""
    format, precision = read.metadata.format, read.metadata.precision
    if profile.kit is None:
        instead = f": name the kind of board, {' or '.join(profile.finds)}" if profile.finds else ""
        raise UsageError(
            f"there are no kits for device {profile.name}{instead or ' (its profile has no [kit])'}"
        )
    if format not in profile.formats:
        raise UsageError(
            f"{read.path}: device {profile.name} runs {', '.join(profile.formats)}, and not {format}"
        )
    if why := profile.kit.refused.get(f"{format} {precision}"):
        raise UsageError(f"{read.path}: does not run on {profile.name}: {why}")
    if profile.kit.system == "Linux":
        for why in unmet([format], profile.kit.machine, profile.kit.glibc, None).values():
            raise UsageError(f"{read.path}: does not run on {profile.name}: {why}")
    return profile.kit


def _python(version: str) -> tuple[int, int]:
    try:
        return parsed_python(version)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _wheels(read: Artifact, profile: Profile, platform: Platform, progress: Progress) -> tuple[Wheel, ...]:
    names, _ = field_tier.distributions([read.metadata.format])
    versions = {} if profile.board is None else profile.board.versions
    # NumPy and Pillow of this workstation too: they make the model's input.
    return choose(
        [*names, *SERVE], versions, platform, progress, as_here=names, without=field_tier.NOT_NEEDED
    )


def _unpacked(wheels: Iterable[Wheel]) -> int:
    size = 0
    for wheel in wheels:
        with zipfile.ZipFile(wheel.path) as archive:
            size += sum(member.file_size for member in archive.infolist())
    return size


def _software(wheel: Wheel) -> Software:
    found = described(wheel)
    url = f"pkg:pypi/{found.name.lower().replace('_', '-')}@{quote(found.version)}?file_name={quote(wheel.name)}"
    return Software(found.name, found.version, found.licence, {"SHA-256": wheel.sha256}, url)


def _own_software(sha256: str) -> Software:
    return Software("edgeall", __version__, "Apache-2.0", {"SHA-256": sha256}, kind="application")


def _station_files() -> list[Path]:
    return sorted(Path(station.__file__).parent.glob("*.py"))


def _unit(service: str) -> bytes:
    return units.unit(service, _STATION, "%h/Pictures" if service == "watch" else None).encode()


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _parts(contents: dict[str, Path | bytes]) -> dict[str, int]:
    kinds = {
        "wheels": "wheels",
        "model": "model",
        "code": "edgeall",
        "station": "edgeall",
        "licences": "licences",
    }
    parts = dict.fromkeys([*dict.fromkeys(kinds.values()), "other"], 0)
    for name, content in contents.items():
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        parts[kinds.get(name.partition("/")[0], "other")] += size
    return parts
