"""A certificate that the station makes for itself, with the openssl program where it is installed."""

import hashlib
import ipaddress
import os
import shutil
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

from edgeall.errors import EdgeallError
from edgeall.files import read_at_most
from edgeall.values import dataclass

DAYS = 397
"""Browsers take no certificate that is valid for longer than 398 days."""
_MAX_BYTES = 1 << 20
_RENEW_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as browsers show it.

        Raises:
            CertificateError: the file holds none.
        """
        try:
            der = ssl.PEM_cert_to_DER_cert(_first(read_at_most(self.certificate, _MAX_BYTES).decode("ascii")))
        except (OSError, ValueError) as error:
            raise CertificateError(f"{self.certificate}: no certificate in PEM ({error})") from None
        return hashlib.sha256(der).digest().hex(":").upper()


class CertificateError(EdgeallError):
    """A certificate or its key cannot be used."""


def self_made(folder: Path, names: Sequence[str]) -> Certificate | None:
    """A certificate for these names and addresses, made now or in the last year; None without openssl.

    It stays the same, so that a browser that was told once to trust it need not be told again.

    Raises:
        CertificateError: openssl fails, or the folder cannot be written.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    told = ",".join(_subject(name) for name in sorted(names))
    stem = hashlib.sha256(told.encode()).hexdigest()[:16]
    made = Certificate(folder / f"{stem}.crt", folder / f"{stem}.key")
    if made.key.exists() and _is_valid(openssl, made.certificate):
        return made
    command = [
        *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", str(DAYS), "-subj", "/CN=edgeall", "-addext", f"subjectAltName={told}"),
        *("-addext", "extendedKeyUsage=serverAuth"),
    ]
    key, certificate = made.key.with_suffix(".key.new"), made.certificate.with_suffix(".crt.new")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # For this user alone, before there is anything in it.
        os.close(os.open(key, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        done = subprocess.run(  # noqa: S603, arguments of our own
            [*command, "-keyout", str(key), "-out", str(certificate)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            why = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise CertificateError(
                f"openssl made no certificate ({why[0]}): give one with --certificate and --key"
            )
        key.replace(made.key)
        certificate.replace(made.certificate)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CertificateError(
            f"{folder}: no certificate can be made here ({getattr(error, 'strerror', None) or error})"
        ) from None
    return made


def context_of(certificate: Certificate) -> ssl.SSLContext:
    """TLS 1.2 and later with a certificate.

    Raises:
        CertificateError: it, or its key, cannot be read, or they do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate.certificate, certificate.key)
    except (OSError, ValueError) as error:
        raise CertificateError(
            f"{certificate.certificate}: not a certificate that belongs to the key {certificate.key} ({error})"
        ) from None
    return context


def _is_valid(openssl: str, certificate: Path) -> bool:
    command = [openssl, "x509", "-noout", "-checkend", str(_RENEW_SECONDS), "-in", str(certificate)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


def _subject(name: str) -> str:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return f"DNS:{name}"
    return f"IP:{name}"


def _first(pem: str) -> str:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    start = pem.index(begin)
    return pem[start : pem.index(end, start) + len(end)]
