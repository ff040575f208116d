"""Build the wheel and the source distribution, and check them as a user meets them: `make dist`.

The standard library alone runs this; pip fetches the build backend and the field tier's dependencies. Each check that
fails ends it with one line and status 1.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import NoReturn

PROJECT = Path(__file__).resolve().parent.parent
DIST = PROJECT / "dist"
SAMPLES = PROJECT / "tests" / "stability" / "samples"
ARTIFACT, IMAGE = "runs/cells/exports/cells_tflite-fp32.tflite", "pictures/all.png"
"""In each sample: of the engine that the field tier installs."""
IN_WHEEL = re.compile(
    r"edgeall/([\w.-]+/)*[\w.-]+\.(py|toml|typed|html|css|js|json|svg)|edgeall-[\w.]+\.dist-info/.+"
)
HEADING = re.compile(r"^## \[?([^\]\s]+)", re.MULTILINE)


def main() -> None:
    """Build, check, and say in one line what is in `dist/`."""
    version = _version()
    _check_changelog(version)
    with tempfile.TemporaryDirectory(prefix="edgeall-dist-") as scratch:
        place = Path(scratch)
        builder = _environment(place / "builder", "hatchling")
        for old in DIST.glob("edgeall-*"):
            old.unlink()
        _run(builder, "-m", "hatchling", "build", "-d", str(DIST), cwd=PROJECT)
        wheel = _only(DIST, f"edgeall-{version}-*.whl")
        source = _only(DIST, f"edgeall-{version}.tar.gz")
        _check_content(wheel)
        _check_rebuilt(builder, source, wheel, place)
        _check_installed(wheel, version, place)
    print(f"dist/: {_told(wheel)}, {_told(source)}; edgeall {version} installed alone classifies")


def _version() -> str:
    text = (PROJECT / "edgeall" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    return found.group(1) if found else _fail("edgeall/__init__.py has no __version__")


def _check_changelog(version: str) -> None:
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest, *others = HEADING.finditer(text)
    if newest.group(1) != version:
        _fail(f"CHANGELOG.md begins with {newest.group(1)}, the package is {version}")
    section = text[newest.end() : others[0].start() if others else None]
    if not re.search(r"^### Upgrading\n+\S", section, re.MULTILINE):
        _fail(f"CHANGELOG.md has no note 'Upgrading' for {version}")


def _check_content(wheel: Path) -> None:
    """The package, its recipes and profiles, and nothing else; no path of this machine."""
    own = [str(path).encode() for path in (PROJECT, Path.home()) if len(path.parts) > 2]
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not IN_WHEEL.fullmatch(name):
                _fail(f"{wheel.name} holds {name}, which is no part of the package")
            if any(path in archive.read(name) for path in own):
                _fail(f"{name} in {wheel.name} names a path of this machine")
        for folder in ("export", "devices"):
            shipped = {path.name for path in (PROJECT / folder).glob("*.toml")}
            packed = {Path(name).name for name in archive.namelist() if f"shipped/{folder}/" in name}
            if packed != shipped:
                _fail(f"{wheel.name} differs from {folder}/ in {', '.join(sorted(packed ^ shipped))}")


def _check_rebuilt(builder: Path, source: Path, wheel: Path, place: Path) -> None:
    """A wheel built from the source distribution has the same files, byte by byte."""
    shutil.unpack_archive(source, place / "source")
    unpacked = _only(place / "source", "edgeall-*")
    _run(builder, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place / "again"), cwd=unpacked)
    contents = []
    for each in (wheel, _only(place / "again", "*.whl")):
        with zipfile.ZipFile(each) as packed:
            contents.append({(item.filename, item.CRC) for item in packed.infolist()})
    if contents[0] != contents[1]:
        names = sorted({name for name, _ in contents[0] ^ contents[1]})
        _fail(f"a wheel built from {source.name} differs in {', '.join(names)}")


def _check_installed(wheel: Path, version: str, place: Path) -> None:
    """In an environment of its own, outside of the checkout, with the field tier alone."""
    field = _environment(place / "field", str(wheel))
    shutil.unpack_archive(sorted(SAMPLES.glob("*.tar.xz"))[-1], place)
    told = _run(field, "-m", "edgeall", "--version", cwd=place)
    if told.split() != ["edgeall", version]:
        _fail(f"'edgeall --version' prints {told.strip()!r}, the package is {version}")
    said = _run(field, "-m", "edgeall", "classify", IMAGE, "--model", ARTIFACT, "--json", cwd=place)
    if '"score"' not in said:
        _fail(f"'edgeall classify' prints {said.strip()!r}")


def _environment(place: Path, *packages: str) -> Path:
    """A fresh virtual environment with `packages`; returns its Python."""
    venv.create(place, with_pip=True)
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages, cwd=place)
    return python


def _run(python: Path, *words: str, cwd: Path) -> str:
    """What a program prints; without the caller's PYTHONPATH, which may name a checkout."""
    command = [python, "-I", *words]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        _fail(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    return found[0] if len(found) == 1 else _fail(f"{folder}/{pattern}: {len(found)} files, not one")


def _told(path: Path) -> str:
    return f"{path.name} ({path.stat().st_size / 1000:.0f} kB)"


def _fail(reason: str) -> NoReturn:
    sys.exit(f"make dist: {reason}")


if __name__ == "__main__":
    main()
