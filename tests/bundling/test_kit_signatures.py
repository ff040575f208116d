"""Signatures of kits, and the OpenSSF's own tool on both sides."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from small_kits import KeyPair, contents, key_pair, program, small_kit

from edgeall.bundling import verify_kit
from edgeall.bundling.signing import write_kit
from edgeall.errors import UnsoundKitError, UsageError
from edgeall.station import p256, verifying
from edgeall.station.errors import KitError
from edgeall.station.signatures import SIGNATURE, SIGNER, bundle, enveloped, statement
from edgeall.station.verifying import SUMS, sums


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def unpacked(tmp_path: Path, lab: KeyPair) -> Path:
    verifying.copy_verified(small_kit(tmp_path / "kit.zip", key=lab.key), tmp_path / "kit")
    return tmp_path / "kit"


def test_the_openssf_tool_verifies_our_signature(unpacked: Path, lab: KeyPair, other: KeyPair) -> None:
    model_signing = pytest.importorskip("model_signing")
    config = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=lab.public)
    config.verify(unpacked, unpacked / SIGNATURE)
    (unpacked / "model" / "small.tflite").write_bytes(b"changed")
    with pytest.raises(ValueError, match="mismatch"):
        model_signing.verifying.Config().use_elliptic_key_verifier(public_key=lab.public).verify(
            unpacked, unpacked / SIGNATURE
        )
    with pytest.raises(ValueError, match="Key mismatch"):
        model_signing.verifying.Config().use_elliptic_key_verifier(public_key=other.public).verify(
            unpacked, unpacked / SIGNATURE
        )


def test_we_verify_the_openssf_tools_signature(unpacked: Path, lab: KeyPair) -> None:
    model_signing = pytest.importorskip("model_signing")
    (unpacked / SIGNATURE).unlink()
    hashing = model_signing.hashing.Config().set_ignored_paths(paths=[SIGNATURE], ignore_git_paths=False)
    signing = model_signing.signing.Config().use_elliptic_key_signer(private_key=lab.private)
    signing.set_hashing_config(hashing).sign(unpacked, unpacked / SIGNATURE)
    assert verify_kit(unpacked, lab.key.public).trusted
    assert verifying.verify(unpacked, lab.key.public).trusted
    (unpacked / "added").write_bytes(b"")
    with pytest.raises(UnsoundKitError, match="added"):
        verify_kit(unpacked, lab.key.public)


def test_openssl_reads_both_keys(lab: KeyPair) -> None:
    import shutil
    import subprocess

    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    made = subprocess.run(["openssl", "ec", "-in", lab.private, "-pubout"], capture_output=True, check=True)
    assert made.stdout == lab.public.read_bytes()


def refused_with(kit: Path, key: p256.Point | None, words: str) -> None:
    for verify in (verify_kit, verifying.verify):
        with pytest.raises((UnsoundKitError, KitError), match=words) as refused:
            verify(kit, key)
        assert "\n" not in str(refused.value)
        assert getattr(refused.value, "exit_status", None) == 1 or refused.value.status == 1  # type: ignore[union-attr]


def test_another_key_is_named(tmp_path: Path, lab: KeyPair, other: KeyPair) -> None:
    kit = small_kit(tmp_path / "kit.zip", key=lab.key)
    refused_with(kit, other.key.public, f"signed by another key .{lab.key.fingerprint[:16]}")
    done = program(kit, "verify", "--key", other.public)
    assert (done.returncode, done.stdout) == (1, "")
    assert "signed by another key" in done.stderr


def test_a_kit_without_a_signature_is_none_of_that_key(tmp_path: Path, lab: KeyPair) -> None:
    kit = small_kit(tmp_path / "kit.zip")
    refused_with(kit, lab.key.public, "not signed")
    assert not verify_kit(kit).trusted


def resealed(unpacked: Path) -> None:
    """What somebody does who changes a kit: new sums for what they changed."""
    names = {path.relative_to(unpacked).as_posix(): path for path in unpacked.rglob("*") if path.is_file()}
    digests = {
        name: verifying.hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if name not in (SUMS, SIGNATURE)
    }
    (unpacked / SUMS).write_bytes(sums(digests))


def test_new_sums_do_not_hide_a_change(unpacked: Path, lab: KeyPair) -> None:
    (unpacked / "model" / "small.tflite").write_bytes(b"changed")
    resealed(unpacked)
    refused_with(unpacked, None, "not as kit.sig says: changed SHA256SUMS, model/small.tflite")


def test_taking_the_signature_away_is_noticed(unpacked: Path, lab: KeyPair) -> None:
    (unpacked / SIGNATURE).unlink()
    refused_with(unpacked, None, "its signature was removed")
    (unpacked / SIGNER).unlink()
    resealed(unpacked)
    refused_with(unpacked, lab.key.public, "not signed")


def test_a_signature_by_somebody_else_is_not_that_of_the_key(
    unpacked: Path, lab: KeyPair, other: KeyPair
) -> None:
    """Signed anew by another key: only who knows the right key notices."""
    (unpacked / SIGNER).write_bytes(p256.pem(other.key.public))
    resealed(unpacked)
    digests = {
        path.relative_to(unpacked).as_posix(): verifying.hashlib.sha256(path.read_bytes()).hexdigest()
        for path in unpacked.rglob("*")
        if path.is_file() and path.name != SIGNATURE
    }
    payload = statement("small", digests)
    (unpacked / SIGNATURE).write_bytes(bundle(other.key.public, payload, other.key.sign(enveloped(payload))))
    assert verify_kit(unpacked).signed_by == other.key.fingerprint
    refused_with(unpacked, lab.key.public, "signed by another key")


def test_a_signature_of_another_kit_is_none_of_this(tmp_path: Path, unpacked: Path, lab: KeyPair) -> None:
    verifying.copy_verified(small_kit(tmp_path / "second.zip", "second", key=lab.key), tmp_path / "second")
    (unpacked / SIGNATURE).write_bytes((tmp_path / "second" / SIGNATURE).read_bytes())
    refused_with(unpacked, lab.key.public, "not as kit.sig says")


def altered(path: Path, change: Any) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document, separators=(",", ":")))


def change_payload(document: dict[str, Any], old: bytes, new: bytes) -> None:
    payload = base64.b64decode(document["dsseEnvelope"]["payload"])
    assert old in payload
    document["dsseEnvelope"]["payload"] = base64.b64encode(payload.replace(old, new)).decode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["dsseEnvelope"].update(payloadType="text/plain"), "damaged"),
        (lambda d: d.update(mediaType="x"), "damaged"),
        (lambda d: d.update(more=1), "damaged"),
        (lambda d: d["dsseEnvelope"]["signatures"].append({"sig": "", "keyid": ""}), "damaged"),
        (lambda d: d["dsseEnvelope"].update(signatures=[]), "damaged"),
        (lambda d: d["verificationMaterial"]["publicKey"].update(hint="0" * 64), "another key"),
        (lambda d: d["verificationMaterial"].update(tlogEntries=[1]), "damaged"),
        (lambda d: change_payload(d, b"small.tflite", b"small.tflitf"), "was changed"),
        (lambda d: d["dsseEnvelope"]["signatures"][0].update(sig=""), "was changed"),
        (lambda d: d["dsseEnvelope"]["signatures"][0].update(sig=None), "damaged"),
    ],
)
def test_a_changed_signature_is_noticed(unpacked: Path, lab: KeyPair, change: Any, words: str) -> None:
    altered(unpacked / SIGNATURE, change)
    refused_with(unpacked, lab.key.public, words)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":' * 50_000])
def test_what_is_no_signature_is_refused(unpacked: Path, lab: KeyPair, content: bytes) -> None:
    (unpacked / SIGNATURE).write_bytes(content)
    refused_with(unpacked, lab.key.public, "damaged")


def test_a_manifest_of_a_later_schema_says_what_to_do(tmp_path: Path) -> None:
    files = contents()
    manifest = files["kit.json"]
    assert isinstance(manifest, bytes)
    with pytest.raises(UsageError, match=r"schema 2.*the newer kit's own program"):
        write_kit(
            tmp_path / "kit.zip",
            "small",
            files | {"kit.json": manifest.replace(b'"schema": 1', b'"schema": 2')},
            None,
        )
