"""What a record holds, by kind. What a device sends, or a file has kept, is one of these or is refused.

The passes (`edgeall.measuring.measurements`) make the results. Times are whole nanoseconds.
"""

from dataclasses import dataclass, field
from typing import Any

from edgeall import documents
from edgeall.shifts.corruptions import CHANGES

_PROBABILITY_OFF = 1e-3
_SUM_OFF = 0.01
"""What an INT8 output's steps of 1/256 leave between 1 and the sum of probabilities, for each class."""


@dataclass(frozen=True)
class _Engine:
    name: str
    version: str


@dataclass(frozen=True)
class _Executed:
    dominant: str
    operators: dict[str, int]
    float_operators: dict[str, int]
    conversions: int


@dataclass(frozen=True)
class _Card:
    name: str
    driver: str | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class _CardMemory:
    bytes: int | None
    reason: str | None = None

    def __post_init__(self) -> None:
        _require(self.bytes is None or self.bytes >= 0, "bytes are fewer than none")


@dataclass(frozen=True)
class _Energy:
    joules_per_inference: float | None
    reason: str | None = None

    def __post_init__(self) -> None:
        _require(self.joules_per_inference is None or self.joules_per_inference > 0, "it took no energy")


@dataclass(frozen=True)
class _Stages:
    """Either why there are none, or their times."""

    reason: str | None = None
    copy_in_ns: tuple[int, ...] = ()
    compute_ns: tuple[int, ...] = ()
    copy_out_ns: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.reason is None:
            for times in (self.copy_in_ns, self.compute_ns, self.copy_out_ns):
                _require(bool(times) and min(times) >= 0, "a stage has no times, or negative ones")


@dataclass(frozen=True)
class _Golden:
    """Either the difference from golden answers in tolerances, with the time, or why it is not known."""

    difference: float | None
    milliseconds: float | None
    reason: str | None = None

    def __post_init__(self) -> None:
        told = self.difference is not None and self.milliseconds is not None
        _require(told == (self.reason is None), "either a difference with its time, or a reason")
        _require(not told or min(self.difference or 0.0, self.milliseconds or 0.0) >= 0.0, "it is negative")


@dataclass(frozen=True)
class _Selftest:
    engine: _Engine
    difference: float
    milliseconds: float

    def __post_init__(self) -> None:
        _require(min(self.difference, self.milliseconds) >= 0.0, "a difference or time is negative")


@dataclass(frozen=True, kw_only=True)
class _Answers:
    names: tuple[str, ...]
    probabilities: tuple[tuple[float, ...] | None, ...]
    unreadable: dict[str, str]
    engine: _Engine

    def __post_init__(self) -> None:
        _require(len(set(self.names)) == len(self.names), "an image is answered twice")
        _require(len(self.probabilities) == len(self.names), "not every image has an answer")
        unanswered = {name for name, row in zip(self.names, self.probabilities, strict=True) if row is None}
        _require(unanswered == self.unreadable.keys(), "other images are unreadable than have no answer")
        for row in self.probabilities:
            if row is None:
                continue
            within = all(0.0 <= value <= 1.0 + _PROBABILITY_OFF for value in row)
            _require(
                within and abs(sum(row) - 1.0) <= _SUM_OFF * len(row),
                f"{row} are no probabilities of classes",
            )


@dataclass(frozen=True, kw_only=True)
class _Accuracy(_Answers):
    executed_precision: _Executed
    placement: dict[str, int | None] | None = None
    card: _Card | None = None
    selftest: _Golden | None = None


@dataclass(frozen=True, kw_only=True)
class _Corruption(_Answers):
    """`refused`: by the domain check, an image each; None where the artifact has no domain."""

    refused: tuple[bool, ...] | None

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.refused is None or len(self.refused) == len(self.names), "not every image was checked")


@dataclass(frozen=True)
class _Memory:
    peak_rss_bytes: int | None
    card_memory: _CardMemory | None = None
    energy: _Energy | None = None

    def __post_init__(self) -> None:
        _require(self.peak_rss_bytes is None or self.peak_rss_bytes > 0, "it took no memory")


@dataclass(frozen=True)
class _Latency:
    load_ns: int
    first_inference_ns: int
    cold_start_ns: int
    model_ns: tuple[int, ...]
    end_to_end_ns: tuple[int, ...]
    inputs: int
    engine: _Engine
    stages: _Stages | None = None

    def __post_init__(self) -> None:
        _times(self.model_ns)
        _times(self.end_to_end_ns)
        _times((self.load_ns, self.first_inference_ns, self.cold_start_ns))


@dataclass(frozen=True)
class _Batch:
    batch_ns: tuple[int, ...]
    difference: float
    card_memory: _CardMemory | None
    stages: _Stages | None = None

    def __post_init__(self) -> None:
        _times(self.batch_ns)
        _require(self.difference >= 0.0, "a difference is negative")


@dataclass(frozen=True)
class _Instructions:
    instructions: tuple[int, ...]

    def __post_init__(self) -> None:
        _require(bool(self.instructions), "nothing was counted")


@dataclass(frozen=True)
class _Thermal:
    before_c: float | None
    after_c: float | None
    throttled: bool | None
    hot: bool | None


@dataclass(frozen=True)
class _RecordFields:
    """A record, its result not yet looked into."""

    threads: int
    round: int
    thermal: _Thermal
    batch: int = 1
    change: str = ""
    result: dict[str, Any] | None = None
    error: str | None = field(default=None)

    def __post_init__(self) -> None:
        _require(self.threads >= 1 and self.batch >= 1 and self.round >= 0, "threads, batch or round")
        _require(self.change in ("", *CHANGES), "change is none that is known")
        _require((self.result is None) != (self.error is None), "either a result or an error")


KINDS: dict[str, Any] = {
    "selftest": _Selftest,
    "accuracy": _Accuracy,
    "memory": _Memory,
    "latency": _Latency,
    "batch": _Batch,
    "instructions": _Instructions,
    "corruption": _Corruption,
}


def check(kind: str, document: dict[str, Any]) -> None:
    """Raise `ValueError` unless the JSON object `document` is a sound record of the kind; names the place."""
    if kind not in KINDS:
        raise ValueError(f"kind is none of {', '.join(KINDS)}")
    record = documents.build(_RecordFields, document)
    if record.result is not None:
        try:
            documents.build(KINDS[kind], record.result)
        except documents.DocumentError as error:
            raise error.inside("result") from None


def _times(nanoseconds: tuple[int, ...]) -> None:
    _require(bool(nanoseconds) and min(nanoseconds) >= 1, "times are missing, or not above 0")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
