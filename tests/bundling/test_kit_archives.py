"""A kit's archive has one form: equal contents give equal bytes, and everything else is refused without harm."""

import io
import os
import stat
import subprocess
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from small_kits import KeyPair, contents, key_pair, program, small_kit

from edgeall.bundling import sign_kit, verify_kit
from edgeall.bundling.signing import write_kit
from edgeall.errors import UnsoundKitError, UsageError
from edgeall.station import archives, verifying

zstandard = pytest.importorskip("zstandard")

SUFFIXES = (".zip", ".tar.zst")
each_kind = pytest.mark.parametrize("suffix", SUFFIXES)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"))


@each_kind
def test_equal_contents_give_equal_bytes(tmp_path: Path, lab: KeyPair, suffix: str) -> None:
    one = small_kit(tmp_path / f"one{suffix}", key=lab.key)
    other = small_kit(tmp_path / "elsewhere" / f"other{suffix}", key=lab.key)
    assert one.read_bytes() == other.read_bytes()
    assert verify_kit(one).id == verify_kit(other).id
    again = small_kit(tmp_path / f"again{suffix}", "second", key=lab.key)
    assert verify_kit(again).id != verify_kit(one).id


def test_both_kinds_hold_the_same(tmp_path: Path, lab: KeyPair) -> None:
    kits = [
        verify_kit(small_kit(tmp_path / f"kit{suffix}", key=lab.key), lab.key.public) for suffix in SUFFIXES
    ]
    assert kits[0] == kits[1]


def test_other_programs_open_both(tmp_path: Path) -> None:
    expected = {name: c if isinstance(c, bytes) else c.read_bytes() for name, c in contents().items()}
    with zipfile.ZipFile(small_kit(tmp_path / "kit.zip")) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    found.pop("SHA256SUMS")
    assert found == expected
    packed = small_kit(tmp_path / "kit.tar.zst").read_bytes()
    (tmp_path / "kit.tar").write_bytes(zstandard.ZstdDecompressor().decompressobj().decompress(packed))
    subprocess.run(["tar", "-xf", tmp_path / "kit.tar", "-C", tmp_path], check=True)
    unpacked = tmp_path / "small"
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert names == {*expected, "SHA256SUMS"}
    assert verify_kit(unpacked).id == verify_kit(tmp_path / "kit.zip").id
    checked = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=unpacked, check=False)
    assert checked.returncode == 0


def test_a_kit_that_is_signed_later_is_the_one_that_was_signed_at_once(tmp_path: Path, lab: KeyPair) -> None:
    for suffix in SUFFIXES:
        later = small_kit(tmp_path / f"later{suffix}")
        assert sign_kit(later, lab.key).signed_by == lab.key.fingerprint
        assert later.read_bytes() == small_kit(tmp_path / f"once{suffix}", key=lab.key).read_bytes()
        with pytest.raises(UsageError, match="signed already"):
            sign_kit(later, lab.key)
        other = key_pair(tmp_path, f"other{suffix}")
        assert sign_kit(later, other.key, overwrite=True).signed_by == other.key.fingerprint


def test_a_name_that_tar_cannot_hold_is_said_to_fit_a_zip(tmp_path: Path) -> None:
    files = contents() | {f"wheels/{'a' * 120}.whl": b""}
    write_kit(tmp_path / "kit.zip", "small", files, None)
    with pytest.raises(UsageError, match=r"too long a name for a .tar.zst; a .zip takes it"):
        write_kit(tmp_path / "kit.tar.zst", "small", files, None)
    assert not (tmp_path / "kit.tar.zst").exists()


def hostile_zip(path: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        for name, content in members:
            archive.writestr(name, content)
    return path


def hostile_tar(path: Path, *members: tarfile.TarInfo) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    path.write_bytes(zstandard.ZstdCompressor().compress(buffer.getvalue()))
    return path


def link(name: str, kind: bytes = tarfile.SYMTYPE, to: str = "/etc/passwd") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member


def sized(name: str, size: int = 1) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member


def zip_link(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


HOSTILE: dict[str, Callable[[Path], Path]] = {
    "zip, absolute": lambda folder: hostile_zip(folder / "k.zip", ("/tmp/evil", b"x")),
    "zip, upwards": lambda folder: hostile_zip(folder / "k.zip", ("../../evil", b"x")),
    "zip, backslashes": lambda folder: hostile_zip(folder / "k.zip", ("..\\evil", b"x")),
    "zip, a drive": lambda folder: hostile_zip(folder / "k.zip", ("C:evil", b"x")),
    "zip, a link": lambda folder: hostile_zip(folder / "k.zip", (zip_link("kit.json"), b"/etc/passwd")),
    "zip, twice": lambda folder: hostile_zip(folder / "k.zip", ("kit.json", b"1"), ("kit.json", b"2")),
    "zip, a folder": lambda folder: hostile_zip(folder / "k.zip", ("folder/", b"")),
    "zip of another program": lambda folder: hostile_zip(
        folder / "k.zip", ("kit.json", b"{}"), ("SHA256SUMS", b"")
    ),
    "tar, absolute": lambda folder: hostile_tar(folder / "k.tar.zst", sized("/tmp/evil")),
    "tar, upwards": lambda folder: hostile_tar(folder / "k.tar.zst", sized("../evil")),
    "tar, upwards below": lambda folder: hostile_tar(folder / "k.tar.zst", sized("small/../../evil")),
    "tar, a link": lambda folder: hostile_tar(folder / "k.tar.zst", link("small/kit.json")),
    "tar, a hard link": lambda folder: hostile_tar(folder / "k.tar.zst", link("small/a", tarfile.LNKTYPE)),
    "tar, a device": lambda folder: hostile_tar(folder / "k.tar.zst", link("small/a", tarfile.CHRTYPE, "")),
    "tar, a pipe": lambda folder: hostile_tar(folder / "k.tar.zst", link("small/a", tarfile.FIFOTYPE, "")),
    "tar, a sparse file": lambda folder: hostile_tar(
        folder / "k.tar.zst", link("small/a", tarfile.GNUTYPE_SPARSE, "")
    ),
    "tar, twice": lambda folder: hostile_tar(folder / "k.tar.zst", sized("small/a"), sized("small/a")),
    "tar, two folders": lambda folder: hostile_tar(folder / "k.tar.zst", sized("small/a"), sized("other/b")),
    "tar, zeros": lambda folder: hostile_tar(folder / "k.tar.zst", sized("small/a", 200_000_000)),
    "tar, long names": lambda folder: hostile_tar(folder / "k.tar.zst", sized(f"small/{'a' * 3000}")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused_and_leave_nothing(tmp_path: Path, name: str) -> None:
    place = tmp_path / "in"
    place.mkdir()
    kit = HOSTILE[name](place)
    with pytest.raises((UnsoundKitError, UsageError)) as refused:
        verify_kit(kit)
    assert "\n" not in str(refused.value)
    before = sorted(tmp_path.rglob("*"))
    if kit.suffix == ".zip":
        done = program(kit_program(tmp_path / "program.zip"), "install", kit, "--to", tmp_path / "station")
        assert done.returncode in (1, 2)
        assert len(done.stderr.splitlines()) == 1, done.stderr
        left = {path.name for path in (tmp_path / "station").rglob("*")}
        assert left == {".lock", "kits"}
    else:
        assert sorted(tmp_path.rglob("*")) == before


def kit_program(path: Path) -> Path:
    return small_kit(path)


def test_a_file_that_unpacks_to_more_than_any_kit_is_refused_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1_000_000)
    kit = hostile_tar(tmp_path / "k.tar.zst", sized("small/a", 2_000_000))
    with pytest.raises(UnsoundKitError, match=r"header|larger than any kit"):
        verify_kit(kit)
    files = contents() | {"zeros": bytes(2_000_000)}
    with pytest.raises(UnsoundKitError, match="larger than any kit"):
        write_kit(tmp_path / "kit.zip", "small", files, None)
    assert not (tmp_path / "kit.zip").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has neither")
def test_links_and_pipes_in_an_unpacked_kit_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "kit"
    verifying.copy_verified(small_kit(tmp_path / "kit.zip"), place)
    assert verify_kit(place).manifest["name"] == "small"
    (place / "link").symlink_to("/etc/passwd")
    with pytest.raises(UnsoundKitError, match=r"link: is a link|link is a link"):
        verify_kit(place)
    (place / "link").unlink()
    os.mkfifo(place / "pipe")
    with pytest.raises(UnsoundKitError, match="pipe is a link or a device"):
        verify_kit(place)


@pytest.mark.parametrize("content", [b"", b"PK", b"text", b"\x1f\x8b\x08\x00", bytes(1000)])
def test_what_is_no_kit_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "kit.zip").write_bytes(content)
    with pytest.raises(UsageError, match="not a kit"):
        verify_kit(tmp_path / "kit.zip")


def test_so_is_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        verify_kit(tmp_path / "kit.zip")
    with pytest.raises(UsageError, match="SHA256SUMS is missing"):
        verify_kit(tmp_path)
