"""Any changed byte of a kit is noticed: by the workstation, and by the kit's own program."""

import hashlib
import json
import os
import random
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from mutations import changed as changed_document
from small_kits import KeyPair, key_pair, program, run, small_kit

from edgeall.bundling import verify_kit
from edgeall.errors import UnsoundKitError, UsageError
from edgeall.station import installing, verifying
from edgeall.station.command import plain
from edgeall.station.errors import KitError
from edgeall.station.verifying import MANIFEST, SUMS

PLACES = 1200
BY_PROGRAM = 12
"""Of them, with a process each."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module", params=["signed", "not signed"])
def sound(request: pytest.FixtureRequest, lab: KeyPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = lab.key if request.param == "signed" else None
    return small_kit(tmp_path_factory.mktemp("kit") / "kit.zip", key=key)


def changed(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    damaged = bytearray(content)
    damaged[at] ^= chance.randrange(1, 256)
    return bytes(damaged)


def noticed(kit: Path) -> str:
    with pytest.raises((UnsoundKitError, UsageError)) as refused:
        verify_kit(kit)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_changed_byte_of_an_archive_is_noticed_without_a_key(sound: Path, tmp_path: Path) -> None:
    content, chance, kit = sound.read_bytes(), random.Random(1), tmp_path / "kit.zip"
    for index in range(PLACES):
        kit.write_bytes(changed(content, chance))
        noticed(kit)
        if index % (PLACES // BY_PROGRAM) == 0:
            done = program(sound, "verify", kit)
            assert done.returncode in (1, 2)
            assert done.stdout == ""
            assert len(done.stderr.splitlines()) == 1, done.stderr


def test_every_byte_of_the_small_files_of_an_archive_counts(lab: KeyPair, tmp_path: Path) -> None:
    """The bytes around and in kit.sig, kit.json, signer.pub and SHA256SUMS: one bit of each."""
    kit = small_kit(tmp_path / "kit.zip", key=lab.key)
    content, chance = kit.read_bytes(), random.Random(2)
    with zipfile.ZipFile(kit) as archive:
        members = {
            name: archive.getinfo(name) for name in ("kit.sig", "kit.json", "signer.pub", "SHA256SUMS")
        }
    for member in members.values():
        end = member.header_offset + 30 + len(member.filename) + member.file_size
        for at in chance.sample(range(member.header_offset, end), 150):
            damaged = bytearray(content)
            damaged[at] ^= 1 << chance.randrange(8)
            kit.write_bytes(bytes(damaged))
            noticed(kit)


def test_an_archive_that_is_cut_or_longer_is_noticed(sound: Path, tmp_path: Path) -> None:
    content, chance, kit = sound.read_bytes(), random.Random(3), tmp_path / "kit.zip"
    for size in [0, 1, 4, len(content) - 1, *chance.sample(range(len(content)), 100)]:
        kit.write_bytes(content[:size])
        noticed(kit)
    for more in (b"\0", b"x" * 70_000, content):
        kit.write_bytes(content + more)
        noticed(kit)
    kit.write_bytes(b"#!/usr/bin/python3\n" + content)
    noticed(kit)


def test_a_changed_byte_of_a_compressed_kit_changes_nothing_unnoticed(lab: KeyPair, tmp_path: Path) -> None:
    """Zstandard says the same in more than one way: what is read then is the same kit."""
    kit = small_kit(tmp_path / "kit.tar.zst", key=lab.key)
    content, chance, expected = kit.read_bytes(), random.Random(4), verify_kit(kit)
    unnoticed = 0
    for _ in range(PLACES):
        kit.write_bytes(changed(content, chance))
        try:
            found = verify_kit(kit, lab.key.public)
        except (UnsoundKitError, UsageError):
            continue
        assert found.digests == expected.digests
        unnoticed += 1
    assert unnoticed <= 3


def test_a_changed_added_or_missing_file_of_an_unpacked_kit_is_noticed(sound: Path, tmp_path: Path) -> None:
    place = tmp_path / "kit"
    verifying.copy_verified(sound, place)
    names = sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())
    chance = random.Random(5)
    for index in range(1000):
        path = place / chance.choice(names)
        content = path.read_bytes()
        path.write_bytes(changed(content, chance))
        with pytest.raises(KitError, match=r"SHA256SUMS|signature|sig|damaged|key|kit.json"):
            verifying.verify(place)
        if index % 100 == 0:
            # An unchanged copy's program: a changed one might be the program itself.
            assert program(sound, "verify", place).returncode in (1, 2)
        path.write_bytes(content)
    for name in names:
        (place / name).rename(tmp_path / "away")
        with pytest.raises(KitError, match="missing"):
            verifying.verify(place)
        (tmp_path / "away").rename(place / name)
    for name in ("added", "model/added", ".hidden", "station/__pycache__/verifying.cpython-311.pyc"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(b"")
        with pytest.raises(KitError, match="added"):
            verifying.verify(place)
        (place / name).unlink()
    verifying.verify(place)


def test_the_kits_program_needs_the_standard_library_alone(sound: Path, tmp_path: Path) -> None:
    """Without site packages, and with nothing of edgeall in reach."""
    shutil.copy(sound, tmp_path / "kit.zip")
    done = program(tmp_path / "kit.zip", "verify")
    assert done.returncode == 0, done.stderr
    trap = tmp_path / "trap"
    for name in ("edgeall", "cryptography", "numpy"):
        (trap / name).mkdir(parents=True)
        (trap / name / "__init__.py").write_text("raise SystemExit('imported')")
    done = run(sys.executable, tmp_path / "kit.zip", "verify", PYTHONPATH=str(trap))
    assert done.returncode == 0, done.stderr


def test_a_manifest_that_says_anything_else_is_refused_or_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By somebody who can write sums: one thing changed, in every way."""
    monkeypatch.setattr(installing, "_try", lambda *arguments: None)
    monkeypatch.setattr(os, "sync", lambda: None)
    place = tmp_path / "kit"
    verifying.copy_verified(small_kit(tmp_path / "kit.zip"), place)
    sound = json.loads((place / MANIFEST).read_bytes())
    digests = {name: digest for name, digest in verifying.verify(place).digests.items() if name != SUMS}
    tried, messages = 0, []
    for _, document in changed_document(sound):
        content = json.dumps(document).encode()
        (place / MANIFEST).write_bytes(content)
        (place / SUMS).write_bytes(verifying.sums(digests | {MANIFEST: hashlib.sha256(content).hexdigest()}))
        tried += 1
        try:
            installing.install(place, tmp_path / "station", say=lambda text: None)
        except KitError as error:
            messages.append(plain(str(error)))
    assert tried > 300
    assert len(messages) > tried // 2
    assert not [message for message in messages if "\n" in message]
    outside = {path.name for path in tmp_path.iterdir()}
    assert outside == {"kit", "kit.zip", "station"}
