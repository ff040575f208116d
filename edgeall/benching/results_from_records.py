"""From raw measurements and the truth to the figures that people and scripts read."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall import documents
from edgeall.artifact import Artifact
from edgeall.benching import cost_figures, instruction_counts
from edgeall.benching.corruption_figures import Answered, corruptions
from edgeall.benching.held_out_images import TestSet
from edgeall.benching.latency_estimate import estimate
from edgeall.measuring.plan import BenchSettings
from edgeall.measuring.records import FigureKey, Record
from edgeall.results import Result
from edgeall.results.accuracy import (
    AucDelta,
    Classes,
    Ends,
    Macro,
    RecordedPredictions,
    SplitKind,
    VersusFloat,
    split_in_words,
)
from edgeall.results.corruptions import Corruptions
from edgeall.results.costs import Latency, Round, Selftest, Thermal, UsedAccelerator
from edgeall.results.document import Settings, UsedEngine
from edgeall.results.pairing import ratio_over_common_rounds
from edgeall.shifts.corruptions import UNCHANGED
from edgeall.statistics import (
    ClassMetrics,
    Estimate,
    Metrics,
    classification_metrics,
    clusters,
    compare_auc,
    compare_verdicts,
    is_positive,
    positive_score,
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
        """Artifacts with the same are conversions of one model to one format, scored on the same images.

        A run's name tells no model: folds have one for each cross-validation, and other folders may have it too.
        """
        origin = self.artifact.metadata.provenance
        # Artifacts of earlier versions do not say the model: of these, what lies together is taken for one.
        model = origin.model_sha256 or str((self.run_folder or self.artifact.path.parent).resolve())
        return (
            *(origin.run, origin.backbone, origin.data_fingerprint, model),
            self.artifact.metadata.format,
            self.tests.key,
        )


@dataclass(frozen=True)
class Measured:
    """One artifact with one thread count: everything that was measured of it. `rounds` in order, at least one; larger
    batches likewise, the smaller ones first. `counted` may be a record of why instructions could not be counted.
    `corrupted`: by change of the images."""

    subject: Subject
    threads: int
    accuracy: Record
    memory: Record | None
    rounds: tuple[Record, ...]
    batches: tuple[Record, ...] = ()
    counted: Record | None = None
    corrupted: Mapping[str, Record] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.subject.shown


def gather(subjects: Sequence[Subject], records: Iterable[Record]) -> list[Measured]:
    """Put records of each artifact and thread count together; those without accuracy or any latency are left out."""
    every = list(records)
    done = [record for record in every if record.error is None]
    corrupted = [record for record in done if record.kind == "corruption"]
    by_job = {
        (r.artifact, r.kind, r.threads, r.round): r for r in done if r.kind not in ("batch", "corruption")
    }
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
                        corrupted={r.change: r for r in corrupted if r.artifact == sha256},
                    )
                )
    return found


def results_of(
    measured: Sequence[Measured], settings: BenchSettings, emulated: bool, processor: str | None = None
) -> list[Result]:
    """One result an artifact and thread count; `processor` is an emulated one."""
    floats = {
        (m.subject.float_key, m.threads): m
        for m in measured
        if m.subject.artifact.metadata.precision == "float32"
    }
    scores = {
        m.accuracy.artifact: (
            _metrics(m),
            _predictions(m),
            _corruptions(m, floats.get((m.subject.float_key, m.threads))),
        )
        for m in measured
    }
    return [
        _result(
            m,
            floats.get((m.subject.float_key, m.threads)),
            *scores[m.accuracy.artifact],
            settings,
            _times(m.rounds) | _costs(m) if not emulated else _emulated(m, processor),
        )
        for m in measured
    ]


def contradicts(earlier: Result, m: Measured, settled: Collection[FigureKey]) -> bool:
    """Whether an earlier result of the same artifact and threads is of other measurements than these.

    `settled`: the figures of it that count; what failed may have been measured since.
    """

    def is_settled(kind: str, batch: int = 1) -> bool:
        return FigureKey.of(m.accuracy.artifact, kind, m.threads, batch) in settled

    now, told = _predictions(m), earlier.predictions
    pairs: list[tuple[object, object]] = []
    if told is not None and is_settled("accuracy"):
        pairs += [(told.images, now.images), (told.truth, now.truth), (told.positive, now.positive)]
        pairs += [] if told.scores is None else [(told.scores, now.scores)]
    if is_settled("latency"):
        timed = _latency(m.rounds, "model_ns")
        if earlier.latency_ms is not None and earlier.latency_ms.raw:
            pairs.append((earlier.latency_ms.raw, timed.raw))
        if isinstance(earlier.emulation_wall_ms, float):
            pairs.append((earlier.emulation_wall_ms, timed.p50))
    batches = {each.batch: each.latency_ms for each in cost_figures.batches(m.batches)}
    for each in earlier.batches or ():
        known = batches.get(each.batch)
        if each.latency_ms is not None and known is not None and is_settled("batch", each.batch):
            pairs.append((each.latency_ms.raw, known.raw))
    unchanged = m.corrupted.get(UNCHANGED)
    if earlier.corruptions is not None and unchanged is not None:
        pairs.append((earlier.corruptions.most, len(_raw(unchanged)["names"])))
    return any(before != after for before, after in pairs)


def _result(
    m: Measured,
    base: Measured | None,
    metrics: Metrics,
    predictions: RecordedPredictions,
    corrupted: Corruptions | None,
    settings: BenchSettings,
    times: dict[str, Any],
) -> Result:
    artifact, tests = m.subject.artifact, m.subject.tests
    metadata, origin = artifact.metadata, artifact.metadata.provenance
    raw = _raw(m.accuracy)
    executed = raw["executed_precision"]
    accelerator = settings.accelerators.get(metadata.format)
    memory = cost_figures.card_memory(m.memory)
    known = metrics.clusters is not None
    figures = {field.name: getattr(metrics, field.name) for field in dataclasses.fields(metrics)}
    return Result(
        artifact=m.name,
        sha256=artifact.sha256,
        run=origin.run,
        backbone=origin.backbone,
        head=origin.head,
        weights=origin.weights,
        input_size=metadata.pixels.size,
        format=metadata.format,
        precision=metadata.precision,
        executed_precision=executed["dominant"],
        executed_operators=executed["operators"],
        float_operators=executed["float_operators"],
        engine=documents.build(UsedEngine, raw["engine"]),
        accelerator=None
        if accelerator is None
        else UsedAccelerator(accelerator.provider, accelerator.device),
        placement=raw.get("placement"),
        selftest=documents.build(Selftest, raw["selftest"]) if raw.get("selftest") else None,
        card=cost_figures.card(m.accuracy),
        threads=m.threads,
        accuracy_threads=m.accuracy.threads,
        **figures | {"classes": _classes(metrics.classes)},
        accuracy_over_subjects=metrics.accuracy if known else None,
        sensitivity_over_subjects=metrics.sensitivity if known else None,
        specificity_over_subjects=metrics.specificity if known else None,
        intervals={name: each.method for name, each in figures.items() if isinstance(each, Estimate)},
        data=tests.data,
        grouped_by=tests.grouped_by if tests.grouped_by == "subject" else split_in_words(tests.grouped_by),
        split=SplitKind(tests.grouped_by),
        unreadable=raw["unreadable"],
        predictions=predictions,
        corruptions=corrupted,
        parity=metadata.parity,
        vs_float=None
        if base is None or base is m
        else _versus(base, m, timed=times["latency_kind"] == "measured"),
        card_memory_bytes=None if memory is None else memory.bytes,
        card_memory=memory,
        size_bytes=artifact.size_bytes,
        thermal=_thermal([*m.rounds]),
        settings=Settings(
            **{field.name: getattr(settings, field.name) for field in dataclasses.fields(Settings)}
        ),
        measured_at=datetime.fromtimestamp(m.rounds[-1].session / 1e9, UTC).isoformat(timespec="seconds"),
        **times,
    )


def _metrics(m: Measured) -> Metrics:
    """The same for every thread count."""
    tests, decision, used = m.subject.tests, m.subject.artifact.metadata.decision, np.flatnonzero(_used(m))
    subjects = [tests.subjects[index] for index in used]
    return classification_metrics(np.asarray(tests.truth)[used], _probabilities(m)[used], decision, subjects)


def _corruptions(m: Measured, base: Measured | None) -> Corruptions | None:
    """The same for every thread count."""
    tests = m.subject.tests
    names = [image.name for image in tests.images]
    answered = [
        None if each is None else Answered(each.subject.artifact.metadata.decision, each.corrupted)
        for each in (m, None if base is m else base)
    ]
    assert answered[0] is not None
    return corruptions(
        answered[0],
        answered[1],
        dict(zip(names, tests.truth, strict=True)),
        dict(zip(names, tests.subjects, strict=True)),
    )


def _predictions(m: Measured) -> RecordedPredictions:
    """What the metrics rest on."""
    tests, decision, used = m.subject.tests, m.subject.artifact.metadata.decision, np.flatnonzero(_used(m))
    subjects = tuple(tests.subjects[index] for index in used)
    scores = positive_score(_probabilities(m)[used], decision)
    return RecordedPredictions(
        images=tuple(tests.images[index].sha256 for index in used),
        names=tuple(tests.images[index].name for index in used),
        subjects=None if all(subject is None for subject in subjects) else subjects,
        truth=tuple(is_positive(np.asarray(tests.truth)[used], decision).tolist()),
        positive=tuple((scores >= decision.threshold).tolist()),
        scores=tuple(scores.tolist()),
    )


def _classes(metrics: ClassMetrics | None) -> Classes | None:
    if metrics is None:
        return None
    return Classes(
        labels=metrics.labels,
        recall_by_class=dict(zip(metrics.labels, metrics.recalls, strict=True)),
        confusion=metrics.confusion,
        accuracy=metrics.accuracy,
        macro=Macro(precision=metrics.precision, recall=metrics.recall, f1=metrics.f1, auc=metrics.auc),
    )


def _emulated(m: Measured, processor: str | None) -> dict[str, Any]:
    """Fields of a result from an emulator, whose clock is no measure of the processor that it stands for: no latency.

    Its memory is that of QEMU's own process on the host, with its translations.
    """
    count, counted = instruction_counts.instructions(m.counted, m.threads)
    metadata = m.subject.artifact.metadata
    return {
        "latency_kind": "emulated",
        "emulation_wall_ms": _latency(m.rounds, "model_ns").p50,
        "emulation_rss_bytes": _peak(m),
        "batches": (),
        "instructions": count,
        "instructions_told": counted,
        "latency_estimate": estimate(processor, metadata.format, metadata.precision, count),
    }


def _times(rounds: Sequence[Record]) -> dict[str, Any]:
    """Fields of a result from the device itself."""
    raw = [_raw(record) for record in rounds]
    model, whole = _latency(rounds, "model_ns"), _latency(rounds, "end_to_end_ns")
    assert model.mean is not None
    cold = tuple(each["cold_start_ns"] / 1e6 for each in raw)
    return {
        "latency_kind": "measured",
        "latency_ms": model,
        "end_to_end_ms": whole,
        "cold_start_ms": median(cold),
        "cold_starts_ms": cold,
        "load_ms": median(each["load_ns"] / 1e6 for each in raw),
        "first_inference_ms": median(each["first_inference_ns"] / 1e6 for each in raw),
        "throughput_per_s": 1e3 / model.mean,
        "noisy": cost_figures.is_noisy(model, whole),
    }


def _costs(m: Measured) -> dict[str, Any]:
    """The same, beside times."""
    energy = cost_figures.energy(m.memory)
    joules = None if energy is None else energy.joules_per_inference
    return {
        "peak_rss_bytes": _peak(m),
        "energy_mj": None if joules is None else joules * 1e3,
        "energy": energy,
        "copies_ms": cost_figures.copies(m.rounds),
        "batches": cost_figures.batches(m.batches),
    }


def _peak(m: Measured) -> int | None:
    peak: int | None = None if m.memory is None else _raw(m.memory)["peak_rss_bytes"]
    return peak


def _latency(rounds: Sequence[Record], kind: str) -> Latency:
    """Over all rounds, in milliseconds."""
    by_round = [[nanoseconds / 1e6 for nanoseconds in _raw(record)[kind]] for record in rounds]
    medians = [median(of_round) for of_round in by_round]
    by_number = tuple(
        Round(session=record.session, round=record.round, n=len(of_round), median=middle)
        for record, of_round, middle in zip(rounds, by_round, medians, strict=True)
    )
    return cost_figures.latency([ms for of_round in by_round for ms in of_round], medians, rounds=by_number)


def _versus(base: Measured, m: Measured, *, timed: bool) -> VersusFloat:
    """Verdicts and ranking of `m` beside those of `base` on the images that both could read, and their times."""
    tests, decision = m.subject.tests, m.subject.artifact.metadata.decision
    used = _used(base) & _used(m)
    positive = is_positive(np.asarray(tests.truth)[used], decision)
    groups = [tests.subjects[index] for index in np.flatnonzero(used)]
    decisions = [each.subject.artifact.metadata.decision for each in (base, m)]
    probabilities = [_probabilities(each)[used] for each in (base, m)]
    a, b = (positive_score(*each) for each in zip(probabilities, decisions, strict=True))
    found = compare_verdicts(positive, a >= decisions[0].threshold, b >= decisions[1].threshold, groups)
    auc = compare_auc(positive.tolist(), a.tolist(), b.tolist(), groups)
    chosen = [each.argmax(axis=1) for each in probabilities]
    same = share(chosen[0] == chosen[1], clusters(groups, len(positive)))
    ratios = {}
    if timed:
        for name, kind in (("latency_ratio", "model_ns"), ("end_to_end_ratio", "end_to_end_ns")):
            rounds = [
                {(r.session, r.round): median(_raw(r)[kind]) for r in each.rounds} for each in (m, base)
            ]
            ratios[name] = ratio_over_common_rounds(*rounds)
    return VersusFloat(
        n=found.n,
        agreement=found.agreement.value,
        accuracy_delta=found.accuracy_delta.value,
        p_value=found.p_value,
        p_value_over_subjects=found.p_value_over_subjects,
        only_a=found.only_a,
        only_b=found.only_b,
        agreement_interval=Ends(found.agreement.low, found.agreement.high),
        accuracy_delta_interval=Ends(found.accuracy_delta.low, found.accuracy_delta.high),
        auc_delta=None
        if auc is None
        else AucDelta(auc.delta.value, auc.delta.low, auc.delta.high, auc.p_value),
        # Of the most probable class: two classes have the verdict's.
        class_agreement=same if len(decision.labels) > 2 else None,
        **ratios,
    )


def _thermal(records: Sequence[Record]) -> Thermal:
    seen = [record.thermal for record in records]
    temperatures = [t[end] for t in seen for end in ("before_c", "after_c") if t[end] is not None]
    return Thermal(
        before_c=seen[0]["before_c"],
        after_c=seen[-1]["after_c"],
        max_c=max(temperatures, default=None),
        throttled=_any(t["throttled"] for t in seen),
        hot=_any(t["hot"] for t in seen),
    )


def _any(answers: Iterable[bool | None]) -> bool | None:
    """Whether one is true; None where none is known."""
    known = [answer for answer in answers if answer is not None]
    return any(known) if known else None


def _probabilities(m: Measured) -> npt.NDArray[np.float64]:
    """(n, k); rows of images that could not be read are NaN."""
    k = len(m.subject.artifact.metadata.decision.labels)
    listed = _raw(m.accuracy)["probabilities"]
    return np.asarray([[np.nan] * k if row is None else row for row in listed], dtype=np.float64)


def _used(m: Measured) -> npt.NDArray[np.bool_]:
    return np.asarray([row is not None for row in _raw(m.accuracy)["probabilities"]])


def _raw(record: Record) -> dict[str, Any]:
    assert record.result is not None
    return record.result
