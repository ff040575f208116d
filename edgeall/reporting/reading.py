"""Reading bench results: the JSON of `edgeall bench`, checked, as values that the rest of reporting works with.

Beside the keys that every result has, these are read where they are there, and said to be unknown where they are not:

- of the document: `failures`; of its device: `cards` (what computed in the processor's place).
- of a result: `run`, `weights` (what training started from, in words), `split.grouped_by`, `data` (name of the
  images' layout), `clusters` (subjects), `accuracy_over_subjects`, `noisy`, `parity` (`passed`, or null and the
  `outcome` "unproven"; `n`), `float_operators` (number by kind), `thermal.throttled`, `settings.obeys_rules`,
  `vs_float.accuracy_delta_interval`, `vs_float.p_value_over_subjects`, `vs_float.class_agreement`, `classes` (of more
  than two), `members` (of an ensemble: artifacts, whose costs it sums), `cross_check` (what the engine's own benchmark
  tool says), and
- `predictions`: {"images": identities, "subjects": names or null, "truth": bool, "positive": verdict bool,
  "scores": numbers, or not there}, columns of equal length. With them two artifacts can be compared image by image;
  without, no difference in accuracy is claimed.
- `latency_ms.rounds`: [{"session", "round", "median"}]. Rounds of equal session and number were measured in turn, and
  only those make a ratio with an interval.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.measuring.records import NOT_TRIED
from edgeall.reporting import costs_table, counts_table, cross_check_table, formatting
from edgeall.reporting.checked import At
from edgeall.reporting.document import (
    Bench,
    Classes,
    Failure,
    Gate,
    Latency,
    Predictions,
    Result,
    VersusFloat,
)
from edgeall.statistics import Estimate

SCHEMA = 1
KINDS = ("measured", "estimated", "emulated")
_ROUNDED = 1e-6


def load(paths: Iterable[AnyPath]) -> tuple[Bench, ...]:
    """Read result files, merged by device.

    Raises:
        UsageError: a file is missing or no JSON.
        MeasurementError: a file is no bench result; names the key at fault.
    """
    found: list[tuple[str, dict[str, Any]]] = []
    for path in map(Path, paths):
        try:
            document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
        except FileNotFoundError:
            raise UsageError(f"{path}: no such file; make results with: edgeall bench") from None
        except (OSError, ValueError, OverflowError, RecursionError) as error:
            raise UsageError(f"{path}: cannot be read as JSON ({error}); bench again") from None
        # What `edgeall report --json` wrote holds whole results, and can be read again.
        inner = document.get("benches") if isinstance(document, dict) else None
        found += [(str(path), part) for part in (inner if isinstance(inner, list) else [document])]
    return merge(found)


def merge(documents: Sequence[tuple[str, Any]]) -> tuple[Bench, ...]:
    """Check documents, each with a name for messages, and merge those of one device."""
    devices: dict[tuple[str, str, bool], list[_Part]] = {}
    for source, document in documents:
        where = At(source, document)
        if where.get("schema").value != SCHEMA:
            raise where.get("schema").wrong(f"{SCHEMA}, the schema that this edgeall reads")
        device = where.get("device")
        key = (device.get("name").text(), _machine(where), device.get("emulated").flag())
        results = [_result(entry) for entry in where.get("results").items()]
        failed = where.maybe("failures")
        failures = _failures([] if failed is None else failed.items())
        if all(document != part.document for part in devices.get(key, [])):
            devices.setdefault(key, []).append(_Part(document, results, failures))
    return tuple(
        Bench(
            name,
            machine,
            emulated,
            _in_order(parts),
            tuple(dict.fromkeys(failure for part in parts for failure in part.failures)),
            tuple(part.document for part in parts),
        )
        for (name, machine, emulated), parts in sorted(devices.items())
    )


@dataclass(frozen=True)
class _Part:
    """One document, read."""

    document: dict[str, Any]
    results: list[Result]
    failures: list[Failure]


def _failures(entries: Iterable[At]) -> list[Failure]:
    told = [(at, at.get("artifact").text(), at.get("error").text()) for at in entries]
    causes = {(artifact, error) for _, artifact, error in told}
    return [
        Failure(
            artifact,
            _text(at, "sha256"),
            _text(at, "kind"),
            None if (threads := at.maybe("threads")) is None else threads.count(),
            f"{artifact}: {error.removeprefix(f'{artifact}: ').removeprefix(f'{Path(artifact).name} ')}",
            error.startswith(NOT_TRIED) and (artifact, error.removeprefix(NOT_TRIED)) in causes,
        )
        for at, artifact, error in told
    ]


def _in_order(parts: list[_Part]) -> tuple[Result, ...]:
    every: list[Result] = []
    for part in parts:
        # A result that stands in two files was still measured once.
        every += [result for result in part.results if result not in every]
    return tuple(
        sorted(
            every,
            key=lambda r: (
                r.backbone,
                r.run or "",
                r.format,
                r.precision != "float32",
                r.precision,
                r.threads,
            ),
        )
    )


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON number")


def _machine(where: At) -> str:
    told: dict[str, str] = {}
    device = where.get("device")
    for key in ("model", "cpu", "cores", "system"):
        if (known := device.maybe(key)) is not None:
            told[key] = At(known.path, str(known.value)).text()
    if "cores" in told:
        told["cores"] += " core" if told["cores"] == "1" else " cores"
    cards = [] if (listed := device.maybe("cards")) is None else listed.items()
    return ", ".join([*map(_card, cards), *told.values()])


def _card(at: At) -> str:
    """ "NVIDIA A2 (15 GiB, driver 550.54.15)"."""
    memory, driver = at.maybe("memory_bytes"), at.maybe("driver")
    told = [
        *([] if memory is None else [f"{formatting.significant(memory.count() / 2**30, 2)} GiB"]),
        *([] if driver is None else [f"driver {driver.text()}"]),
    ]
    return at.get("name").text() + (f" ({', '.join(told)})" if told else "")


def _result(at: At) -> Result:
    precision = at.get("precision").text()
    engine = at.get("engine")
    split, thermal, settings = at.maybe("split"), at.maybe("thermal"), at.maybe("settings")
    result = Result(
        artifact=at.get("artifact").text(),
        sha256=_text(at, "sha256"),
        run=_text(at, "run"),
        backbone=at.get("backbone").text(),
        format=at.get("format").text(),
        precision=precision,
        executed=_text(at, "executed_precision"),
        float_operators=_counts(at.maybe("float_operators")) if precision == "int8" else {},
        engine=f"{engine.get('name').text()} {engine.get('version').text()}",
        threads=at.get("threads").count(),
        n=at.get("n").count(),
        clusters=None if (clusters := at.maybe("clusters")) is None else clusters.count(),
        accuracy=_estimate(at.get("accuracy")),
        accuracy_over_subjects=_maybe_estimate(at, "accuracy_over_subjects"),
        f1=_maybe_estimate(at, "f1"),
        auc=_maybe_estimate(at, "auc"),
        sensitivity=_maybe_estimate(at, "sensitivity"),
        specificity=_maybe_estimate(at, "specificity"),
        vs_float=_versus(at.maybe("vs_float")),
        latency=_latency(at.maybe("latency_ms")),
        end_to_end=_latency(at.maybe("end_to_end_ms")),
        cold_start_ms=_number(at, "cold_start_ms"),
        peak_rss_bytes=_number(at, "peak_rss_bytes"),
        size_bytes=at.get("size_bytes").count(),
        kind=at.get("latency_kind").one_of(KINDS),
        noisy=_flag(at, "noisy"),
        throttled=thermal is not None and _flag(thermal, "throttled"),
        hot=thermal is not None and _flag(thermal, "hot"),
        short=settings is not None
        and settings.maybe("obeys_rules") is not None
        and not _flag(settings, "obeys_rules"),
        parity=None if (parity := at.maybe("parity")) is None else _gate(parity),
        weights=_text(at, "weights"),
        grouped_by=None if split is None else split.get("grouped_by").text(),
        data=_text(at, "data"),
        predictions=_predictions(at.maybe("predictions")),
        members=() if (members := at.maybe("members")) is None else tuple(m.text() for m in members.items()),
        cross_check=cross_check_table.read(at.maybe("cross_check")),
        accelerator=None if (place := at.maybe("accelerator")) is None else place.get("provider").text(),
        costs=costs_table.read(at),
        counts=counts_table.read(at),
        classes=_classes(at.maybe("classes")),
    )
    _check(at, result)
    return result


def _check(at: At, result: Result) -> None:
    """Refuse a result whose figures are not those of the verdicts that it records."""
    said = result.predictions
    if said is None:
        return
    if result.n != len(said.images):
        raise at.get("n").wrong(f"{len(said.images)}, the number of its predictions")
    for name, of in (("accuracy", None), ("sensitivity", True), ("specificity", False)):
        estimate: Estimate | None = getattr(result, name)
        right = [
            truth == called
            for truth, called in zip(said.truth, said.positive, strict=True)
            if of in (None, truth)
        ]
        if estimate is not None and right and abs(estimate.value - sum(right) / len(right)) > _ROUNDED:
            raise (
                at.get(name)
                .get("value")
                .wrong(f"{sum(right) / len(right):g}, the share that its predictions tell")
            )
    subjects = None if said.subjects is None or None in said.subjects else len(set(said.subjects))
    if result.clusters != subjects:
        raise at.get("clusters").wrong(f"{subjects}, the number of subjects of its predictions")


def _gate(at: At) -> Gate:
    n = at.maybe("n")
    images = None if n is None else n.count()
    passed = at.maybe("passed")
    if passed is not None:
        return Gate("passed" if passed.flag() else "failed", images)
    # That it is not known whether it passed is said in a word, too: nothing else stands for what is missing.
    return Gate(at.get("outcome").one_of(("unproven",)), images)


def _text(at: At, key: str) -> str | None:
    inner = at.maybe(key)
    return None if inner is None else inner.text()


def _number(at: At, key: str) -> float | None:
    inner = at.maybe(key)
    return None if inner is None else inner.number(0.0)


def _flag(at: At, key: str) -> bool:
    """Unknown counts as false."""
    inner = at.maybe(key)
    return inner is not None and inner.flag()


def _counts(at: At | None) -> dict[str, int]:
    if at is None:
        return {}
    if not isinstance(at.value, dict):
        raise at.wrong("an object")
    return {At(at.path, name).text(): at.get(name).count() for name in at.value}


def _estimate(at: At) -> Estimate:
    value = at.get("value").number(0.0, 1.0)
    low, high = at.maybe("low"), at.maybe("high")
    return Estimate(
        value,
        None if low is None else low.number(0.0, value),
        None if high is None else high.number(value, 1.0),
    )


def _maybe_estimate(at: At, key: str) -> Estimate | None:
    inner = at.maybe(key)
    return None if inner is None else _estimate(inner)


def _versus(at: At | None) -> VersusFloat | None:
    if at is None:
        return None
    ends = at.maybe("accuracy_delta_interval")
    over = at.maybe("p_value_over_subjects")
    p_value = at.maybe("p_value")
    return VersusFloat(
        agreement=at.get("agreement").number(0.0, 1.0),
        accuracy_delta=at.get("accuracy_delta").number(-1.0, 1.0),
        accuracy_delta_interval=_ends(ends),
        p_value=None if p_value is None else p_value.number(0.0, 1.0),
        p_value_over_subjects=None if over is None else over.number(0.0, 1.0),
        class_agreement=_maybe_estimate(at, "class_agreement"),
    )


def _ends(at: At | None) -> tuple[float, float] | None:
    """Both or none."""
    low, high = (None, None) if at is None else (at.maybe("low"), at.maybe("high"))
    return None if low is None or high is None else (low.number(), high.number())


def _classes(at: At | None) -> Classes | None:
    if at is None:
        return None
    recalls = at.maybe("recall_by_class")
    if recalls is not None and not isinstance(recalls.value, dict):
        raise recalls.wrong("an object")
    names = () if recalls is None else recalls.value
    return Classes(
        _estimate(at.get("accuracy")),
        at.get("macro").get("f1").number(0.0, 1.0),
        tuple((At(at.path, name).text(), _maybe_estimate(recalls, name)) for name in names if recalls),
    )


def _latency(at: At | None) -> Latency | None:
    if at is None:
        return None
    rounds = at.maybe("rounds")
    latency = Latency(
        n=at.get("n").count(),
        p50=_number(at, "p50"),
        p90=_number(at, "p90"),
        rounds={
            (str(entry.get("session").value), entry.get("round").count()): entry.get("median").number(1e-9)
            for entry in ([] if rounds is None else rounds.items())
        },
    )
    if rounds is not None and len(latency.rounds) < len(rounds.items()):
        raise rounds.wrong("each round of a session once")
    return latency


def _predictions(at: At | None) -> Predictions | None:
    if at is None:
        return None
    subjects, scores = at.maybe("subjects"), at.maybe("scores")
    found = Predictions(
        images=tuple(entry.text() for entry in at.get("images").items()),
        subjects=None
        if subjects is None
        else tuple(None if entry.value is None else entry.text() for entry in subjects.items()),
        truth=tuple(entry.flag() for entry in at.get("truth").items()),
        positive=tuple(entry.flag() for entry in at.get("positive").items()),
        scores=None if scores is None else tuple(entry.number(0.0, 1.001) for entry in scores.items()),
    )
    columns = (
        found.images,
        found.truth,
        found.positive,
        *(c for c in (found.subjects, found.scores) if c is not None),
    )
    if len({len(column) for column in columns}) != 1:
        raise at.wrong("columns of equal length")
    return found
