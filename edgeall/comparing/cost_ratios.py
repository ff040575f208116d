"""What an artifact costs beside another: ratios of latency, memory and size."""

from dataclasses import dataclass

from edgeall.reporting.document import Result
from edgeall.statistics import Estimate, ratio_of_separate_rounds, ratio_over_rounds


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
    def supported(self) -> bool | None:
        """Whether the rounds show a difference; None where they cannot: other sessions differ by more than rounds."""
        if not self.interleaved or self.ratio.low is None or self.ratio.high is None:
            return None
        return self.ratio.low > 1 or self.ratio.high < 1


def ratios(a: Result, b: Result) -> tuple[Ratio, ...]:
    """Those that are known. No latency but a measured one is divided: an estimate or an emulator's clock is none."""
    found = []
    if (latency := _latency(a, b)) is not None:
        found.append(latency)
    if a.peak_rss_bytes and b.peak_rss_bytes and "emulated" not in (a.kind, b.kind):
        found.append(_plain("memory", a.peak_rss_bytes, b.peak_rss_bytes))
    if a.size_bytes and b.size_bytes:
        found.append(_plain("size", a.size_bytes, b.size_bytes))
    return tuple(found)


def _latency(a: Result, b: Result) -> Ratio | None:
    if a.latency is None or b.latency is None or (a.kind, b.kind) != ("measured", "measured"):
        return None
    ours, theirs = b.latency.rounds, a.latency.rounds
    shared = sorted(ours.keys() & theirs.keys())
    if len(shared) > 1:
        ratio = ratio_over_rounds([ours[key] for key in shared], [theirs[key] for key in shared])
    else:
        ratio = ratio_of_separate_rounds(list(ours.values()), list(theirs.values()))
    if ratio is None and a.latency.p50 and b.latency.p50:
        ratio = Estimate(b.latency.p50 / a.latency.p50, None, None, "no rounds recorded")
    return None if ratio is None else Ratio("latency", a.latency.p50, b.latency.p50, ratio, len(shared) > 1)


def _plain(metric: str, a: float, b: float) -> Ratio:
    return Ratio(metric, a, b, Estimate(b / a, None, None, "as counted"))
