"""What an artifact costs beside another: ratios of latency, memory and size."""

from dataclasses import dataclass

from edgeall.results import Result
from edgeall.results.differences import excludes
from edgeall.results.pairing import ratio_over_common_rounds
from edgeall.statistics import Estimate, ratio_of_separate_rounds


@dataclass(frozen=True)
class Ratio:
    """b over a.

    Attributes:
        a, b: milliseconds (p50; None where too few runs know it) or bytes.
        interleaved: of latency, whether both had their turns in the same rounds; None of what has no rounds.
    """

    metric: str
    a: float | None
    b: float | None
    ratio: Estimate
    interleaved: bool | None = None

    @property
    def shown(self) -> bool | None:
        """Whether the rounds show a difference; None where they cannot: other sessions differ by more than rounds."""
        return excludes(self.ratio, 1) if self.interleaved else None


def ratios(a: Result, b: Result) -> tuple[Ratio, ...]:
    """Those that are known. No latency but a measured one is divided: an estimate or an emulator's clock is none."""
    found = []
    if (latency := _latency(a, b)) is not None:
        found.append(latency)
    if a.peak_rss_bytes and b.peak_rss_bytes and "emulated" not in (a.latency_kind, b.latency_kind):
        found.append(_plain("memory", float(a.peak_rss_bytes), float(b.peak_rss_bytes)))
    if a.size_bytes and b.size_bytes:
        found.append(_plain("size", a.size_bytes, b.size_bytes))
    return tuple(found)


def _latency(a: Result, b: Result) -> Ratio | None:
    if a.latency_ms is None or b.latency_ms is None or not a.latency_kind == b.latency_kind == "measured":
        return None
    ours, theirs = b.latency_ms.by_round, a.latency_ms.by_round
    before, after = a.latency_ms.p50, b.latency_ms.p50
    ratio = ratio_over_common_rounds(ours, theirs)
    interleaved = ratio is not None and ratio.low is not None
    if not interleaved:
        ratio = ratio_of_separate_rounds(list(ours.values()), list(theirs.values()))
    if ratio is None and before and after:
        ratio = Estimate(after / before, None, None, "no rounds recorded")
    return None if ratio is None else Ratio("latency", before, after, ratio, interleaved)


def _plain(metric: str, a: float, b: float) -> Ratio:
    return Ratio(metric, a, b, Estimate(b / a, None, None, "as counted"))
