"""How figures are written: the same in table, prose, terminal and Markdown."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeall.statistics import Estimate

UNKNOWN = "–"


def threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def significant(value: float, digits: int = 3) -> str:
    """Three significant digits without an exponent: 4.12, 13.1, 113, 0.051."""
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    if "e" in text:
        text = f"{float(text):f}".rstrip("0").rstrip(".")
    elif "." not in text and len(text.lstrip("-")) < digits:
        text += "." + "0" * (digits - len(text.lstrip("-")))
    elif "." in text:
        # %g drops trailing zeros, which are digits that were measured.
        whole, decimals = text.lstrip("-").split(".")
        known = len((whole + decimals).lstrip("0"))
        text += "0" * (digits - known)
    return text


def ms(value: float | None) -> str:
    return UNKNOWN if value is None else significant(value)


def megabytes(value: float | None) -> str:
    """Bytes as MB (10^6)."""
    return UNKNOWN if value is None else significant(value / 1e6)


def percent(value: float) -> str:
    """A share in percent, one decimal: "95.5"."""
    return f"{100 * value:.1f}"


def interval(
    estimate: "Estimate | None", write: Callable[[float], str], unit: str = "", joint: str = "–"
) -> str:
    """A figure with its interval where it has one: "95.5 [78.2–99.2]"."""
    if estimate is None:
        return UNKNOWN
    if estimate.low is None or estimate.high is None:
        return f"{write(estimate.value)}{unit}"
    return f"{write(estimate.value)}{unit} [{write(estimate.low)}{joint}{write(estimate.high)}]"


def percent_interval(estimate: "Estimate | None") -> str:
    """ "95.5 [78.2–99.2]", in percent."""
    return interval(estimate, percent)


def share_interval(estimate: "Estimate | None") -> str:
    """ "0.95 [0.77–0.99]"."""
    return interval(estimate, lambda value: f"{value:.2f}")


def ratio(estimate: "Estimate") -> str:
    """ "2.06x [1.92–2.21]"; without ends "about 2.1x", for a ratio whose error is not known."""
    if estimate.low is None or estimate.high is None:
        return f"about {significant(estimate.value, 2)}x"
    return interval(estimate, significant, "x")


def difference(metric: str, delta: "Estimate") -> str:
    """ "+4.5 points [−3.0 to +12.1]"; of AUC and F1, which are no percentages, "+0.012 [−0.030 to +0.054]"."""
    write, unit = (signed, "") if metric in ("auc", "f1") else (points, " points")
    return interval(delta, write, unit, " to ")


def points(value: float) -> str:
    """A difference of shares in percentage points, signed: "+4.5", "−0.7", "0.0"."""
    text = f"{100 * value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def signed(value: float) -> str:
    """ "+0.012", "−0.030", "0.000"."""
    text = f"{value:+.3f}"
    return "0.000" if text in ("+0.000", "-0.000") else text.replace("-", "−")


def p(value: float | None) -> str:
    """ "p = 0.04", "p < 0.001"; "not tested" where there is no test."""
    if value is None:
        return "not tested"
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}" if value < 0.1 else f"p = {value:.2f}"


def listed(items: list[str], joint: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {joint} {items[-1]}" if items else ""
