"""A kit's signature: the format of the OpenSSF's model signing, with a bare key on the curve P-256.

A signature is a Sigstore bundle (version 0.3) with a DSSE envelope (version 1.0.0) around an in-toto statement
(version 1) whose predicate `https://model_signing/signature/v1.0` lists each file with its SHA-256. The tool
`model_signing` (1.1) verifies what is signed here, and the reverse. No network is asked, and no time is signed.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from . import p256
from .errors import KitError

SIGNATURE, SIGNER = "kit.sig", "signer.pub"
"""The signature, and the public key that it is by. The latter helps to notice damage, and says nothing of its owner."""

_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"
MOST_BYTES = 8 << 20
"""Of a signature's file; a kit's has about 10 kB."""

Verifies = Callable[[p256.Point, bytes, bytes], bool]
"""Key, message, signature in DER: whether it is one."""


def fingerprint(key: p256.Point) -> str:
    """Hexadecimal SHA-256 of the public key's file, the `hint` of signatures."""
    return hashlib.sha256(p256.pem(key)).hexdigest()


def statement(name: str, digests: Mapping[str, str]) -> bytes:
    """What is signed: `digests` has the SHA-256 of each file by its name, all but the signature."""
    names = sorted(digests, key=lambda each: each.split("/"))
    root = hashlib.sha256(b"".join(bytes.fromhex(digests[each]) for each in names)).hexdigest()
    document = {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": root}}],
        "predicateType": _PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [SIGNATURE],
            },
            "resources": [{"name": each, "algorithm": "sha256", "digest": digests[each]} for each in names],
        },
    }
    return json.dumps(document, indent=1).encode()


def enveloped(payload: bytes) -> bytes:
    """The bytes that the key signs: DSSE's pre-authentication encoding of a statement."""
    return b"DSSEv1 %d %s %d %s" % (len(_PAYLOAD_TYPE), _PAYLOAD_TYPE.encode(), len(payload), payload)


def bundle(key: p256.Point, payload: bytes, signature: bytes) -> bytes:
    """The signature's file."""
    document = {
        "mediaType": _MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": fingerprint(key)}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": _base64(payload),
            "payloadType": _PAYLOAD_TYPE,
            "signatures": [{"sig": _base64(signature), "keyid": ""}],
        },
    }
    return json.dumps(document, separators=(",", ":")).encode()


def signed_digests(file: bytes, key: p256.Point, verifies: Verifies = p256.verifies) -> dict[str, str]:
    """SHA-256 by file name, as the signature `file` by `key` says.

    Raises:
        KitError: it is no signature, or one by another key, or changed.
    """
    try:
        document = json.loads(file)
        hint = document["verificationMaterial"]["publicKey"]["hint"]
        envelope = document["dsseEnvelope"]
        (signed,) = envelope["signatures"]
        payload, signature = (_bytes(text) for text in (envelope["payload"], signed["sig"]))
        sound = (
            document["mediaType"] == _MEDIA_TYPE
            and envelope["payloadType"] == _PAYLOAD_TYPE
            and _is_plain(document, file)
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise KitError(f"{SIGNATURE} is damaged, or no signature of a bare key", 1)
    if hint != fingerprint(key):
        raise KitError(f"signed by another key ({str(hint)[:16]}…, and not {fingerprint(key)[:16]}…)", 1)
    if not verifies(key, enveloped(payload), signature):
        raise KitError(f"{SIGNATURE} is not by the key that it names: it was changed", 1)
    return _resources(payload)


def _is_plain(document: dict[str, Any], file: bytes) -> bool:
    """Whether the file says nothing but what was read of it: in one of two notations, without further keys."""
    shapes = (
        (document, {"mediaType", "verificationMaterial", "dsseEnvelope"}),
        (document["verificationMaterial"], {"publicKey", "tlogEntries"}),
        (document["verificationMaterial"]["publicKey"], {"hint"}),
        (document["dsseEnvelope"], {"payload", "payloadType", "signatures"}),
    )
    unsigned = document["dsseEnvelope"]["signatures"][0]
    return (
        all(set(each) <= keys for each, keys in shapes)
        and not document["verificationMaterial"].get("tlogEntries")
        and set(unsigned) <= {"sig", "keyid"}
        and not unsigned.get("keyid")
        and file in (json.dumps(document).encode(), json.dumps(document, separators=(",", ":")).encode())
    )


def _resources(payload: bytes) -> dict[str, str]:
    try:
        document = json.loads(payload)
        predicate = document["predicate"]
        serialization, resources = predicate["serialization"], predicate["resources"]
        digests = {str(each["name"]): str(each["digest"]) for each in resources}
        root = hashlib.sha256(b"".join(bytes.fromhex(str(each["digest"])) for each in resources)).hexdigest()
        sound = (
            document["_type"] == _STATEMENT
            and document["predicateType"] == _PREDICATE
            and serialization["method"] == "files"
            and all(each["algorithm"] == "sha256" for each in resources)
            and len(digests) == len(resources)
            and [each["digest"] for each in document["subject"]] == [{"sha256": root}]
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise KitError(f"{SIGNATURE} lists its files in a way that this edgeall does not know", 1)
    return digests


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError(text) from None
    if _base64(content) != text:
        raise ValueError(text)
    return content
