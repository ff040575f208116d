"""From raw measurements and the truth to the figures that people and scripts read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall import documents
from edgeall.artifact import Artifact
from edgeall.benching import cost_figures, instruction_counts
from edgeall.benching.test_images import GROUPINGS, TestSet
from edgeall.measuring.plan import BenchSettings
from edgeall.measuring.records import Record
from edgeall.statistics import (
    NOISY,
    classification_metrics,
    clusters,
    compare_auc,
    compare_verdicts,
    is_positive,
    percentiles,
    positive_score,
    ratio_over_rounds,
    round_spread,
    share,
)


@dataclass(frozen=True)
class Subject:
    """An artifact under test: the path that results show, and the images it is scored on."""

    shown: str
    artifact: Artifact
    run_folder: Path | None
    tests: TestSet

    @property
    def float_key(self) -> tuple[str, ...]:
        """Artifacts with the same are conversions of one model to one format."""
        origin = self.artifact.metadata.provenance
        return (origin.run, origin.data_fingerprint, self.artifact.metadata.format)


@dataclass(frozen=True)
class Measured:
    """One artifact with one thread count: everything that was measured of it. `rounds` in order, at least one; larger
    batches likewise, the smaller ones first. `counted` may be a record of why instructions could not be counted."""

    subject: Subject
    threads: int
    accuracy: Record
    memory: Record | None
    rounds: tuple[Record, ...]
    batches: tuple[Record, ...] = ()
    counted: Record | None = None

    @property
    def name(self) -> str:
        return self.subject.shown


def gather(subjects: Sequence[Subject], records: Iterable[Record]) -> list[Measured]:
    """Put records of each artifact and thread count together; those without accuracy or any latency are left out."""
    every = list(records)
    done = [record for record in every if record.error is None]
    by_job = {(r.artifact, r.kind, r.threads, r.round): r for r in done if r.kind != "batch"}
    threads = sorted({count for _, kind, count, _ in by_job if kind == "latency"})
    scored = {r.artifact: r for r in by_job.values() if r.kind == "accuracy"}
    counted = {r.artifact: r for r in every if r.kind == "instructions"}
    found = []
    for subject in subjects:
        sha256 = subject.artifact.sha256
        for count in threads:
            rounds = sorted(
                (r for r in by_job.values() if (r.artifact, r.kind, r.threads) == (sha256, "latency", count)),
                key=lambda record: record.round,
            )
            if sha256 in scored and rounds:
                memory = by_job.get((sha256, "memory", count, 0))
                batches = sorted(
                    (r for r in done if (r.artifact, r.kind, r.threads) == (sha256, "batch", count)),
                    key=lambda record: (record.batch, record.round),
                )
                found.append(
                    Measured(
                        *(subject, count, scored[sha256], memory, tuple(rounds), tuple(batches)),
                        counted=counted.get(sha256),
                    )
                )
    return found


def rows(
    measured: Sequence[Measured], settings: BenchSettings, emulated: bool, processor: str | None = None
) -> list[dict[str, Any]]:
    """One result an artifact and thread count, with the keys that scripts rely on; `processor` is an emulated one."""
    floats = {
        (m.subject.float_key, m.threads): m
        for m in measured
        if m.subject.artifact.metadata.precision == "float32"
    }
    scored = {m.accuracy.artifact: _score(m) for m in measured}
    return [
        _row(m, floats.get((m.subject.float_key, m.threads)), scored[m.accuracy.artifact], settings, emulated)
        | (_counts(m, processor) if emulated else {})
        for m in measured
    ]


def _counts(m: Measured, processor: str | None) -> dict[str, Any]:
    return instruction_counts.instructions(
        m.counted, processor, m.subject.artifact.metadata.format, m.threads
    )


def _row(
    m: Measured, base: Measured | None, scored: dict[str, Any], settings: BenchSettings, emulated: bool
) -> dict[str, Any]:
    artifact = m.subject.artifact
    metadata, origin = artifact.metadata, artifact.metadata.provenance
    result = _result(m.accuracy)
    executed = result["executed_precision"]
    peak = None if m.memory is None else _result(m.memory)["peak_rss_bytes"]
    vs_float = None
    if base is not None and base is not m:
        vs_float = _paired(base, m) | ({} if emulated else _ratios(base, m))
    return {
        "artifact": m.name,
        "sha256": artifact.sha256,
        "run": origin.run,
        "backbone": origin.backbone,
        "head": origin.head,
        "weights": origin.weights,
        "format": metadata.format,
        "precision": metadata.precision,
        "executed_precision": executed["dominant"],
        "executed_operators": executed["operators"],
        "float_operators": executed["float_operators"],
        "engine": result["engine"],
        **cost_figures.computed_on(m.accuracy, settings.accelerators.get(metadata.format)),
        "threads": m.threads,
        "accuracy_threads": m.accuracy.threads,
        **scored,
        "parity": None if metadata.parity is None else documents.plain(metadata.parity),
        "vs_float": vs_float,
        **_times(m, emulated),
        # In an emulator both are of QEMU's own process on the host, its translations included.
        "peak_rss_bytes": None if emulated else peak,
        "emulation_rss_bytes": peak if emulated else None,
        **cost_figures.energy(None if emulated else m.memory),
        **cost_figures.card_memory(m.memory),
        "copies_ms": None if emulated else cost_figures.copies(m.rounds),
        "batches": [] if emulated else cost_figures.batches(m.batches),
        "size_bytes": artifact.size_bytes,
        "thermal": _thermal([*m.rounds]),
        "settings": {
            "rounds": settings.rounds,
            "warmup_runs": settings.warmup_runs,
            "warmup_seconds": settings.warmup_seconds,
            "min_runs": settings.min_runs,
            "min_seconds": settings.min_seconds,
            "max_seconds": settings.max_seconds,
            "obeys_rules": settings.obeys_rules,
        },
        "measured_at": datetime.fromtimestamp(m.rounds[-1].session / 1e9, UTC).isoformat(timespec="seconds"),
    }


def _score(m: Measured) -> dict[str, Any]:
    """Accuracy figures, and the verdicts they were made from; the same for every thread count."""
    tests, decision = m.subject.tests, m.subject.artifact.metadata.decision
    used = np.flatnonzero(_used(m))
    truth = np.asarray(tests.truth)[used]
    probabilities = _probabilities(m)[used]
    subjects = [tests.subjects[index] for index in used]
    scores = positive_score(probabilities, decision)
    return classification_metrics(truth, probabilities, decision, subjects).to_dict() | {
        "data": tests.data,
        "grouped_by": GROUPINGS[tests.grouped_by],
        "split": {"grouped_by": tests.grouped_by},
        "unreadable": _result(m.accuracy)["unreadable"],
        "predictions": {
            # By content: two sets may use the same names for different images.
            "images": [tests.images[index].sha256 for index in used],
            "names": [tests.images[index].name for index in used],
            "subjects": None if all(subject is None for subject in subjects) else subjects,
            "truth": is_positive(truth, decision).tolist(),
            "positive": (scores >= decision.threshold).tolist(),
            "scores": scores.tolist(),
        },
    }


def _times(m: Measured, emulated: bool) -> dict[str, Any]:
    results = [_result(record) for record in m.rounds]
    model, whole = _summary(m.rounds, "model_ns"), _summary(m.rounds, "end_to_end_ns")
    cold = [result["cold_start_ns"] / 1e6 for result in results]
    if emulated:
        # An emulator's clock says nothing of the processor it stands for: no latency, under no name.
        return {
            "latency_kind": "emulated",
            "latency_ms": None,
            "end_to_end_ms": None,
            "cold_start_ms": None,
            "throughput_per_s": None,
            "noisy": None,
            "emulation_wall_ms": model["p50"],
        }
    return {
        "latency_kind": "measured",
        "latency_ms": model,
        "end_to_end_ms": whole,
        "cold_start_ms": median(cold),
        "cold_starts_ms": cold,
        "load_ms": median(result["load_ns"] / 1e6 for result in results),
        "first_inference_ms": median(result["first_inference_ns"] / 1e6 for result in results),
        "throughput_per_s": 1e3 / model["mean"],
        "noisy": any(timing["spread"] is not None and timing["spread"] > NOISY for timing in (model, whole)),
    }


def _summary(rounds: Sequence[Record], kind: str) -> dict[str, Any]:
    """Over all rounds, in milliseconds; `spread` is how far the rounds' medians lie apart."""
    timings = [_result(record)[kind] for record in rounds]
    medians = [median(of_round) / 1e6 for of_round in timings]
    raw = [nanoseconds / 1e6 for of_round in timings for nanoseconds in of_round]
    told = [
        {"session": record.session, "round": record.round, "n": len(of_round), "median": middle}
        for record, of_round, middle in zip(rounds, timings, medians, strict=True)
    ]
    return percentiles(raw).to_dict() | {"rounds": told, "spread": round_spread(medians), "raw": raw}


def _paired(base: Measured, m: Measured) -> dict[str, Any]:
    """Verdicts and ranking of `m` beside those of `base` on the images that both could read."""
    tests, decision = m.subject.tests, m.subject.artifact.metadata.decision
    used = _used(base) & _used(m)
    positive = is_positive(np.asarray(tests.truth)[used], decision)
    groups = [tests.subjects[index] for index in np.flatnonzero(used)]
    scores = [
        positive_score(_probabilities(each)[used], each.subject.artifact.metadata.decision)
        for each in (base, m)
    ]
    verdicts = [
        score >= each.subject.artifact.metadata.decision.threshold
        for score, each in zip(scores, (base, m), strict=True)
    ]
    auc = compare_auc(positive.tolist(), scores[0].tolist(), scores[1].tolist(), groups)
    compared = compare_verdicts(positive, verdicts[0], verdicts[1], groups).to_dict()
    chosen = [_probabilities(each)[used].argmax(axis=1) for each in (base, m)]
    same = share(chosen[0] == chosen[1], clusters(groups, len(positive)))
    return compared | {
        "auc_delta": None if auc is None else auc.to_dict(),
        # Of the most probable class: two classes have the verdict's.
        "class_agreement": same.to_dict() if same is not None and len(decision.labels) > 2 else None,
    }


def _ratios(base: Measured, m: Measured) -> dict[str, Any]:
    """How many times as long `m` takes as `base`, from rounds that both had in the same session."""
    found: dict[str, Any] = {}
    for name, kind in (("latency_ratio", "model_ns"), ("end_to_end_ratio", "end_to_end_ns")):
        ours, theirs = ({(r.session, r.round): median(_result(r)[kind]) for r in x.rounds} for x in (m, base))
        shared = sorted(ours.keys() & theirs.keys())
        ratio = ratio_over_rounds([ours[key] for key in shared], [theirs[key] for key in shared])
        found[name] = None if ratio is None else ratio.to_dict()
    return found


def _thermal(records: list[Record]) -> dict[str, Any]:
    seen = [record.thermal for record in records]
    temperatures = [t[end] for t in seen for end in ("before_c", "after_c") if t[end] is not None]
    return {
        "before_c": seen[0]["before_c"],
        "after_c": seen[-1]["after_c"],
        "max_c": max(temperatures, default=None),
        "throttled": _any(t["throttled"] for t in seen),
        "hot": _any(t["hot"] for t in seen),
    }


def _any(answers: Iterable[bool | None]) -> bool | None:
    """Whether one is true; None where none is known."""
    known = [answer for answer in answers if answer is not None]
    return any(known) if known else None


def _probabilities(m: Measured) -> npt.NDArray[np.float64]:
    """(n, k); rows of images that could not be read are NaN."""
    k = len(m.subject.artifact.metadata.decision.labels)
    listed = _result(m.accuracy)["probabilities"]
    return np.asarray([[np.nan] * k if row is None else row for row in listed], dtype=np.float64)


def _used(m: Measured) -> npt.NDArray[np.bool_]:
    return np.asarray([row is not None for row in _result(m.accuracy)["probabilities"]])


def _result(record: Record) -> dict[str, Any]:
    assert record.result is not None
    return record.result
