"""Numbers for Prometheus, in its text format 0.0.4."""

from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock

from edgeall.values import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Metric:
    """A metric's name, kind and meaning."""

    name: str
    kind: str
    help: str


PICTURES = Metric("edgeall_pictures_total", "counter", "Pictures from clients, by decision.")
REFUSALS = Metric("edgeall_refused_requests_total", "counter", "Requests that were refused, by status.")
SECONDS = Metric(
    "edgeall_decision_seconds_total", "counter", "Time in which pictures from clients were decided."
)
WAITING = Metric("edgeall_places_taken", "gauge", "Pictures that are being decided or wait for it.")
HELD = Metric("edgeall_held_bytes", "gauge", "Bytes of pictures that are being received or decided.")
FOLLOWERS = Metric("edgeall_followers", "gauge", "Clients that follow the log live.")
ENTRIES = Metric("edgeall_log_entries", "gauge", "Number of the log's last entry.")


class Numbers:
    """Counts, and functions that tell what is so now."""

    def __init__(self, gauges: Mapping[Metric, Callable[[], float]]) -> None:
        self._gauges, self._lock = gauges, Lock()
        self._counts: Counter[tuple[Metric, Labels]] = Counter()

    def add(self, metric: Metric, amount: float = 1.0, **labels: str) -> None:
        with self._lock:
            self._counts[metric, tuple(sorted(labels.items()))] += amount  # type: ignore[assignment]

    def text(self) -> str:
        """All numbers, in Prometheus' text format."""
        with self._lock:
            counts = dict(self._counts)
        lines = list[str]()
        for metric in dict.fromkeys(metric for metric, _ in counts):
            lines += _head(metric)
            lines += [
                f"{metric.name}{_labels(labels)} {value:.15g}"
                for (each, labels), value in counts.items()
                if each == metric
            ]
        for metric, now in self._gauges.items():
            lines += [*_head(metric), f"{metric.name} {now():.15g}"]
        return "\n".join(lines) + "\n"


def _head(metric: Metric) -> list[str]:
    return [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]


def _labels(labels: Labels) -> str:
    """Values are words of edgeall's own, which need no escaping."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""
