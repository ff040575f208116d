"""Licences in words as SPDX names them, where they are one of its list."""

import re

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

_SPOKEN = {"CC BY 3.0": "CC-BY-3.0", "CC BY 4.0": "CC-BY-4.0", "BSD 3-Clause": "BSD-3-Clause"}
"""Names that edgeall and data sets use, and SPDX's."""


def spdx(licence: str) -> str | None:
    """SPDX's identifier or expression; None where the words are none: "Apache-2.0 (Google)" is "Apache-2.0"."""
    bare = re.sub(r"\s*\([^()]*\)$", "", licence.strip())
    try:
        return str(canonicalize_license_expression(_SPOKEN.get(bare, bare)))
    except (InvalidLicenseExpression, ValueError):
        return None
