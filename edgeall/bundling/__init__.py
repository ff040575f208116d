"""Kits: everything that a device needs to classify with one artifact, in one signed file. Workstation tier.

What a kit does on its device is in `edgeall.station`, which it brings along.
"""

from edgeall.bundling.bundle import Bundled, bundle
from edgeall.bundling.keys import Key, load_key, load_public_key, make_key
from edgeall.bundling.signing import sign_kit, verify_kit

__all__ = [
    "Bundled",
    "Key",
    "bundle",
    "load_key",
    "load_public_key",
    "make_key",
    "sign_kit",
    "verify_kit",
]
