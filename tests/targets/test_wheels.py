"""Wheels are chosen for a platform, fetched once and kept by their contents; a folder of wheels is the index here."""

import zipfile
from pathlib import Path

import pytest

from edgeall.errors import DeviceError
from edgeall.targets.connection import BoardInfo
from edgeall.targets.wheels import Platform, choose, store

LINUX = Platform("Linux", "aarch64", (3, 11), "2.36")
WINDOWS = Platform("Windows", "x86_64", (3, 13))


def wheel(folder: Path, name: str, version: str = "1.0", tag: str = "py3-none-any", *needs: str) -> Path:
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "")
        lines = [
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            *(f"Requires-Dist: {n}\n" for n in needs),
        ]
        info = f"{name}-{version}.dist-info"
        archive.writestr(f"{info}/METADATA", "".join(lines))
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def names(*wheels: object) -> list[str]:
    return [getattr(each, "name", "") for each in wheels]


def test_what_was_fetched_once_needs_no_index_again(index: Path) -> None:
    wheel(index, "a", "1.0", "py3-none-any", "b")
    wheel(index, "b")
    found = choose(["a"], {}, LINUX)
    assert names(*found) == ["a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl"]
    for path in index.iterdir():
        path.unlink()
    assert choose(["a"], {}, LINUX) == found
    with pytest.raises(DeviceError, match=r"no wheels for Windows on x86_64 with Python 3.13"):
        choose(["a"], {}, WINDOWS)


def test_equal_files_are_kept_once(index: Path) -> None:
    wheel(index, "a")
    assert choose(["a"], {}, LINUX) == choose(["a"], {}, WINDOWS)
    assert len(list((store() / "files").iterdir())) == 1
    assert [path.name for path in store().iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("damage", ["changed", "gone", "choice"])
def test_a_damaged_store_is_fetched_again(index: Path, damage: str) -> None:
    wheel(index, "a")
    (found,) = choose(["a"], {}, LINUX)
    if damage == "changed":
        found.path.write_bytes(b"other")
    elif damage == "gone":
        found.path.unlink()
    else:
        next((store() / "chosen").iterdir()).write_text("{")
    assert choose(["a"], {}, LINUX) == (found,)
    assert zipfile.is_zipfile(found.path)


def test_conditions_are_judged_where_the_wheels_are_to_run(index: Path) -> None:
    """pip judges them here: what a Windows PC needs would be left out on Linux."""
    pytest.importorskip("packaging")
    needs = ('b; sys_platform == "win32"', 'c; python_version < "3.12"', 'd; extra == "more"')
    wheel(index, "a", "1.0", "py3-none-any", *needs)
    for name in "bcd":
        wheel(index, name)
    assert "b-1.0-py3-none-any.whl" in names(*choose(["a"], {}, WINDOWS))
    on_linux = names(*choose(["a"], {}, LINUX))
    assert "c-1.0-py3-none-any.whl" in on_linux
    assert "d-1.0-py3-none-any.whl" not in on_linux


def test_wheels_of_the_platform_are_taken(index: Path) -> None:
    for tag in (
        "cp311-cp311-manylinux_2_28_aarch64",
        "cp311-cp311-manylinux_2_39_aarch64",
        "cp313-cp313-win_amd64",
    ):
        wheel(index, "a", "1.0", tag)
    assert names(*choose(["a"], {}, LINUX)) == ["a-1.0-cp311-cp311-manylinux_2_28_aarch64.whl"]
    assert names(*choose(["a"], {}, WINDOWS)) == ["a-1.0-cp313-cp313-win_amd64.whl"]


def test_a_version_is_the_one_demanded_or_this_workstations(index: Path) -> None:
    from importlib import metadata

    own = metadata.version("msgspec")
    for version in (own, "999.0"):
        wheel(index, "msgspec", version)
    assert names(*choose(["msgspec"], {}, LINUX)) == ["msgspec-999.0-py3-none-any.whl"]
    assert names(*choose(["msgspec"], {}, LINUX, as_here=["msgspec"])) == [f"msgspec-{own}-py3-none-any.whl"]
    assert names(*choose(["msgspec"], {"msgspec": "999.0"}, LINUX, as_here=["msgspec"])) == [
        "msgspec-999.0-py3-none-any.whl"
    ]
    next(index.glob(f"msgspec-{own}-*")).unlink()
    for path in (store() / "chosen").iterdir():
        path.unlink()
    assert names(*choose(["msgspec"], {}, LINUX, as_here=["msgspec"])) == ["msgspec-999.0-py3-none-any.whl"]


def test_a_third_number_of_the_c_library_names_no_other_wheels() -> None:
    """Development versions of glibc have one."""
    boards = [
        BoardInfo((3, 11, 2), 64, "aarch64", "Linux", ("glibc", text)) for text in ("2.36", "2.36.9000")
    ]
    first, second = map(Platform.of_board, boards)
    assert first == second
    assert first.tags[0] == "manylinux_2_36_aarch64"


def test_what_no_device_uses_is_left_out(index: Path) -> None:
    wheel(index, "a", "1.0", "py3-none-any", "un_used")
    wheel(index, "un_used")
    assert names(*choose(["a"], {}, LINUX, without=["un-used"])) == ["a-1.0-py3-none-any.whl"]


def test_nothing_is_asked_of_the_user(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that wants a password would wait for an answer to a question that nobody sees."""
    asked = tmp_path / "asked"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >{asked}\ncat >>{asked}\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    with pytest.raises(DeviceError, match="no wheels"):
        choose(["a"], {}, LINUX)
    (line,) = asked.read_text().splitlines()
    assert " --no-input " in line
