"""A private key is its owner's alone, and what is wrong with a key is said in one line."""

import errno
import os
import stat
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="keys are made on a workstation")

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from edgeall.bundling import load_key, load_public_key, make_key
from edgeall.errors import FileError, UsageError


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_nobody_else_can_read_a_private_key(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        private, public, _ = make_key(tmp_path / "lab")
    finally:
        os.umask(before)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    private.chmod(0o640)
    with pytest.raises(UsageError, match="others can read this private key: chmod 600"):
        load_key(private)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lab.key", "lab.pub"]
    assert b"PRIVATE" not in public.read_bytes()


def test_a_pair_belongs_together(tmp_path: Path) -> None:
    private, public, key = make_key(tmp_path / "lab.2026")
    assert (private.name, public.name) == ("lab.2026.key", "lab.2026.pub")
    assert load_key(private).public == load_public_key(public) == key.public
    assert key.sign(b"x") == load_key(private).sign(b"x")
    assert "PRIVATE" not in repr(key)
    assert len(repr(key)) < 40


def test_a_passphrase_is_needed_again(tmp_path: Path) -> None:
    private, _, key = make_key(tmp_path / "lab", "a b ü")
    assert load_key(private, "a b ü").public == key.public
    with pytest.raises(UsageError, match="it has a passphrase"):
        load_key(private)
    with pytest.raises(UsageError, match="passphrase is another one"):
        load_key(private, "a b u")
    with pytest.raises(UsageError, match="is empty"):
        make_key(tmp_path / "other", "")
    plain, _, other = make_key(tmp_path / "plain")
    assert load_key(plain, "not needed").public == other.public


def test_a_key_is_not_overwritten(tmp_path: Path) -> None:
    private, _, key = make_key(tmp_path / "lab")
    with pytest.raises(UsageError, match="exists already"):
        make_key(tmp_path / "lab")
    assert load_key(private).public == key.public
    assert make_key(tmp_path / "lab", overwrite=True)[2].public != key.public


def test_keys_that_do_not_belong_together_are_never_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public, key = make_key(tmp_path / "lab")
    plain, moved = Path.replace, list[Path]()

    def stopped(self: Path, target: Path) -> Path:
        if target == stop:
            raise KeyboardInterrupt
        moved.append(target)
        return plain(self, target)

    monkeypatch.setattr(Path, "replace", stopped)
    stop = public
    with pytest.raises(KeyboardInterrupt):
        make_key(tmp_path / "lab", overwrite=True)
    assert moved == [private]
    assert load_key(private).public != key.public
    assert not public.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lab.key"]


def test_a_pair_stands_where_the_new_one_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private, public, key = make_key(tmp_path / "lab")

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left"):
        make_key(tmp_path / "lab", overwrite=True)
    assert load_key(private).public == load_public_key(public) == key.public


def test_the_wrong_one_of_a_pair_is_named(tmp_path: Path) -> None:
    private, public, _ = make_key(tmp_path / "lab")
    with pytest.raises(UsageError, match=r"no private key; sign with the file that ends with .key"):
        load_key(public)
    with pytest.raises(UsageError, match="a private key; verify with the public one"):
        load_public_key(private)
    for load in (load_key, load_public_key):
        with pytest.raises(UsageError, match="edgeall keys make writes a pair"):
            load(tmp_path / "absent")  # type: ignore[operator]


def test_keys_of_other_kinds_are_refused(tmp_path: Path) -> None:
    for index, key in enumerate(
        (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048))
    ):
        path = tmp_path / f"{index}.key"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        path.chmod(0o600)
        with pytest.raises(UsageError, match="not a key on the curve P-256"):
            load_key(path)


@pytest.mark.parametrize(
    "content", [b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", b"PRIVATE KEY"]
)
def test_a_damaged_key_is_said_to_be_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(UsageError, match="cannot be read: damaged"):
        load_key(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        make_key(tmp_path / "file" / "lab")


def test_a_file_that_is_larger_than_any_key_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(UsageError, match=r"cannot be read \(larger than 64 KiB\)"):
        load_key(path)
