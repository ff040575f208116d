"""Limits as people write them: "50ms", "10MB", "0.95" or "95%"."""

import math
import re
from collections.abc import Mapping

from edgeall.errors import UsageError

TIMES: Mapping[str, float] = {"us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3}
"""Milliseconds by unit."""

SIZES: Mapping[str, float] = {
    "B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30,
}  # fmt: skip
"""Bytes by unit."""

SHARES: Mapping[str, float] = {"": 1.0, "%": 1e-2}
"""Shares in [0, 1] by unit."""

_EXAMPLES = {id(TIMES): "50ms or 0.05s", id(SIZES): "10MB or 10MiB", id(SHARES): "0.95 or 95%"}
_NUMBER = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})\s*([A-Za-zµ%]*)\s*", re.ASCII)


def parse(text: str, units: Mapping[str, float], option: str) -> float:
    """A quantity in the base unit of `units`, which is `TIMES`, `SIZES` or `SHARES`.

    Args:
        option: names the limit in the message.

    Raises:
        UsageError: no number, a unit that is missing or unknown, a limit of 0, or a share above 1.
    """
    found = _NUMBER.fullmatch(text)
    example = _EXAMPLES[id(units)]
    if found is None:
        raise UsageError(f"{option} {text[:20]!r}: not a quantity; write it as {example}")
    number, unit = float(found[1]), found[2]
    if unit not in units:
        what = f"unit {unit[:12]!r} is not known" if unit else "a unit is missing"
        raise UsageError(f"{option} {text[:20]!r}: {what}; write it as {example}")
    value = number * units[unit]
    if units is SHARES and value > 1:
        raise UsageError(f"{option} {text[:20]!r}: more than 1; write a share as {example}")
    if not value > 0 or math.isinf(value):
        raise UsageError(f"{option} {text[:20]!r}: must be more than 0, as {example}")
    return value
