"""What is known of one device, and what its artifacts are called."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from edgeall.engines import ENGINES
from edgeall.results.document import Failure, Result

JsonObject = dict[str, Any]
"""A document as it stands in its file."""

FAILED_PARITY = " (failed parity)"
"""Follows the name of an artifact that failed its parity check, wherever it is named."""

_PRECISIONS = {"int8": "INT8"}


@dataclass(frozen=True)
class Bench:
    """All results known of one device, in the order of table and verdict.

    Attributes:
        machine: what the device is, in words.
        failures: what could not be measured.
        documents: the JSON that the results were read from.
    """

    device: str
    machine: str
    emulated: bool
    results: tuple[Result, ...]
    failures: tuple[Failure, ...]
    documents: tuple[JsonObject, ...]

    def family(self, result: Result) -> str:
        """What groups artifacts of one training: the backbone, or the run's name where a backbone has several."""
        return self._family(result)

    @cached_property
    def _family(self) -> Callable[[Result], str]:
        return families(self.results)

    def name(self, result: Result) -> str:
        """An artifact in prose: "mobilenetv2 TFLite INT8"."""
        return f"{self.family(result)} {title(result.format, result.precision)}"

    def label(self, result: Result) -> str:
        """The same, marked where the artifact must not be used: "mobilenetv2 TFLite INT8 (failed parity)"."""
        return self.name(result) + (FAILED_PARITY if result.failed_parity else "")


def families(among: Iterable[Result]) -> Callable[[Result], str]:
    """What a result's family is: its backbone, or its run's name where `among` has several runs of that backbone."""
    runs: dict[str, set[str | None]] = {}
    for result in among:
        runs.setdefault(result.backbone, set()).add(result.run)

    def family(result: Result) -> str:
        return result.backbone if len(runs[result.backbone]) == 1 or result.run is None else result.run

    return family


def title(format: str, precision: str) -> str:
    """Format and precision in prose: "TFLite INT8"."""
    label = ENGINES[format].label if format in ENGINES else format
    return f"{label} {_PRECISIONS.get(precision, precision)}"
