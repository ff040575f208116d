"""Archives are unpacked into their folder and nowhere else, and no further than a bound."""

import shutil
import stat
import warnings
import zipfile
from pathlib import Path

import pytest

from edgeall.station import unpacking
from edgeall.station.unpacking import UnpackingError, checked_name, unpack


def archive(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], compressed: bool = False) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as file:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, content in members:
            file.writestr(name, content, zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED)
    return path


def refused(
    tmp_path: Path, words: str, *members: tuple[str | zipfile.ZipInfo, bytes], compressed: bool = False
) -> None:
    path = archive(tmp_path / "a.whl", *members, compressed=compressed)
    with pytest.raises(UnpackingError, match=words):
        unpack(path, tmp_path / "in" / "to")
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["a.whl"]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "/etc/a",
            "../a",
            "a/../../b",
            "a/../b",
            "./a",
            "a//b",
            "C:/a",
            "C:a",
            "a\\b",
            "..\\a",
            "\\\\host\\a",
        ),
        *(
            "a\x00b",
            "a\nb",
            "nul",
            "COM1.txt",
            "a/aux.py",
            "a.",
            "a /b",
            "x" * 300,
            "a|b",
            "a?",
            "",
            ".",
            "\u202egnp.a",
        ),
    ],
)
def test_no_name_leads_elsewhere_on_any_system(name: str) -> None:
    with pytest.raises(UnpackingError, match="not a place inside"):
        checked_name(name)


@pytest.mark.parametrize(
    "name", ["a", "a/b.py", "numpy.libs/libgfortran-040039e1.so.5.0.0", ".hidden", "a-b+c/ä.txt"]
)
def test_usual_names_are_taken(name: str) -> None:
    assert str(checked_name(name)) == name


@pytest.mark.parametrize("name", ["../a", "/tmp/a", "b/../../a", "nul"])
def test_nothing_is_written_of_an_archive_with_such_a_name(tmp_path: Path, name: str) -> None:
    refused(tmp_path, "not a place inside", ("good.py", b"x"), (name, b"x"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    member = zipfile.ZipInfo("link")
    member.external_attr = (kind | 0o777) << 16
    refused(tmp_path, "a link or a device", (member, b"/etc/passwd"))


@pytest.mark.parametrize("second", ["a.py", "A.PY"])
def test_names_that_are_one_file_somewhere_are_refused(tmp_path: Path, second: str) -> None:
    refused(tmp_path, "there twice", ("a.py", b"1"), (second, b"2"))


def test_contents_that_grow_without_measure_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, "refused", ("zeros", bytes(20_000_000)), compressed=True)


def test_so_are_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_FILES", 3)
    refused(tmp_path, "4 files", *((f"{index}", b"") for index in range(4)))


def test_so_is_a_list_of_files_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry of a list takes memory, also of files that are never unpacked."""
    files = [(f"{index}", b"") for index in range(5)]
    assert len(unpack(archive(tmp_path / "a.whl", *files), tmp_path / "all")) == 5
    shutil.rmtree(tmp_path / "all")
    monkeypatch.setattr(unpacking, "MOST_LIST", 5 * 47 - 1)
    refused(tmp_path, "MB of names in one archive are refused", *files)


def test_a_size_that_lies_is_noticed(tmp_path: Path) -> None:
    """The directory says 5 bytes for a member of 500."""
    path = archive(tmp_path / "a.whl", ("a", b"x" * 500), compressed=True)
    content = path.read_bytes()
    path.write_bytes(content.replace((500).to_bytes(4, "little"), (5).to_bytes(4, "little")))
    with pytest.raises(UnpackingError):
        unpack(path, tmp_path / "into")
    assert sum(each.stat().st_size for each in (tmp_path / "into").rglob("*")) <= 5


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_than_those_of_wheels_are_refused(tmp_path: Path, method: int) -> None:
    """Their damage is told by other errors."""
    with zipfile.ZipFile(tmp_path / "a.whl", "w", method) as file:
        file.writestr("a.py", b"x" * 100)
    with pytest.raises(UnpackingError, match="compressed in another way"):
        unpack(tmp_path / "a.whl", tmp_path / "into")


def test_contents_that_are_no_deflate_are_damage(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.whl", ("a.py", bytes(range(256)) * 4), compressed=True)
    content = bytearray(path.read_bytes())
    content[34] = 0xFF  # the first byte after the header of 30 bytes and the name of 4: a block of no type
    path.write_bytes(content)
    with pytest.raises(UnpackingError, match="is damaged"):
        unpack(path, tmp_path / "into")


@pytest.mark.parametrize("damage", [b"", b"PK", b"PK\x03\x04" + bytes(40)])
def test_what_is_no_archive_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "a.whl").write_bytes(damage)
    with pytest.raises(UnpackingError, match="damaged"):
        unpack(tmp_path / "a.whl", tmp_path / "into")
