"""`edgeall keys`: makes, signs, verifies; every mistake is one line."""

import json
from pathlib import Path

import pytest
from small_kits import small_kit

from edgeall.cli.keys import PASSPHRASE
from edgeall.cli.main import main


def told(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def lab(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert told(capsys, "keys", "make", tmp_path / "lab")[0] == 0
    return tmp_path / "lab"


def test_a_key_signs_a_kit_and_its_other_half_verifies_it(
    lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kit = small_kit(tmp_path / "kit.zip")
    private, public = f"{lab}.key", f"{lab}.pub"
    status, out, _ = told(capsys, "keys", "verify", kit)
    assert status == 0
    assert "not signed: this shows damage, and not deceit" in out
    status, out, err = told(capsys, "keys", "verify", kit, "--key", public)
    assert (status, out) == (1, "")
    assert err == f"edgeall: {kit}: not signed; ask for a kit that is (edgeall bundle --key KEY)\n"
    status, out, _ = told(capsys, "keys", "sign", kit, "--key", private, "--json")
    signed = json.loads(out)
    status, out, _ = told(capsys, "keys", "verify", kit, "--key", public, "--json")
    assert status == 0
    verified = json.loads(out)
    assert verified.pop("files") > 10
    assert verified == {
        "path": str(kit),
        "id": signed["id"],
        "signed_by": signed["signed_by"],
        "trusted": True,
    }
    status, out, _ = told(capsys, "keys", "verify", kit)
    assert (status, "give it with --key" in out) == (0, True)


def test_what_is_wrong_is_one_line_with_its_status(
    lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kit = small_kit(tmp_path / "kit.zip")
    assert told(capsys, "keys", "make", tmp_path / "other")[0] == 0
    assert told(capsys, "keys", "sign", kit, "--key", f"{lab}.key")[0] == 0
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(kit.read_bytes()[:-1])
    (tmp_path / "text.zip").write_text("text")
    for status, words, arguments in (
        (1, "signed by another key", ("verify", kit, "--key", tmp_path / "other.pub")),
        (1, "changed", ("verify", damaged)),
        (2, "not a kit", ("verify", tmp_path / "text.zip")),
        (2, "cannot be read", ("verify", tmp_path / "absent.zip")),
        (2, "a private key; verify with the public one", ("verify", kit, "--key", f"{lab}.key")),
        (2, "cannot be read", ("verify", kit, "--key", tmp_path / "absent.pub")),
        (2, "no private key; sign with", ("sign", kit, "--key", f"{lab}.pub", "--overwrite")),
        (2, "cannot be read", ("sign", kit, "--key", tmp_path / "absent.key")),
        (2, "signed already", ("sign", kit, "--key", f"{lab}.key")),
        (2, "ends with .zip or .tar.zst", ("sign", tmp_path, "--key", f"{lab}.key")),
        (2, "exists already", ("make", lab)),
    ):
        found, out, err = told(capsys, "keys", *arguments)
        assert (found, out) == (status, ""), arguments
        assert words in err
        assert len(err.splitlines()) == 1


def test_a_passphrase_comes_from_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = small_kit(tmp_path / "kit.zip")
    status, _, err = told(capsys, "keys", "make", tmp_path / "lab", "--passphrase")
    assert status == 2
    assert PASSPHRASE in err
    monkeypatch.setenv(PASSPHRASE, "correct horse")
    assert told(capsys, "keys", "make", tmp_path / "lab", "--passphrase")[0] == 0
    assert b"ENCRYPTED" in (tmp_path / "lab.key").read_bytes()
    monkeypatch.setenv(PASSPHRASE, "battery staple")
    status, _, err = told(capsys, "keys", "sign", kit, "--key", tmp_path / "lab.key")
    assert (status, "its passphrase is another one" in err) == (2, True)
    monkeypatch.delenv(PASSPHRASE)
    status, _, err = told(capsys, "keys", "sign", kit, "--key", tmp_path / "lab.key")
    assert (status, PASSPHRASE in err) == (2, True)
    monkeypatch.setenv(PASSPHRASE, "correct horse")
    assert told(capsys, "keys", "sign", kit, "--key", tmp_path / "lab.key")[0] == 0


def test_text_of_a_hostile_kit_does_not_reach_the_terminal_raw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "kit"
    place.mkdir()
    (place / "SHA256SUMS").write_bytes(b"0" * 64 + b"  \x1b[31mred\n")
    (place / "kit.json").write_bytes(b"{}")
    status, _, err = told(capsys, "keys", "verify", place)
    assert status == 1
    assert "\x1b" not in err
