"""What is to be measured, as plain data: made on the workstation, carried out by the device as JSON."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from edgeall import documents, runtimes
from edgeall.artifact import FORMATS, Artifact, Format, Precision
from edgeall.errors import UsageError
from edgeall.runtimes import Accelerator, SessionOptions
from edgeall.shifts import corruptions

SCHEMA = 1
ALL_CORES = 0
"""As a thread count: as many as the device lets this program use."""

RULE_RUNS, RULE_SECONDS = 50, 1.0
"""Fewer timed runs, or a shorter time, make a figure that is marked as short of the rules."""

VARIED_INPUTS = 16
"""At most so many different images are run in turn where time is taken."""


LARGEST_BATCH = 1024


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _require(holds: bool, name: str, wanted: str) -> None:
    if not holds:
        raise UsageError(f"measuring plan: {name} must be {wanted}")


@dataclass(frozen=True)
class BenchSettings:
    """How much is measured. Runs and seconds are totals over all rounds, for each kind of latency.

    Attributes:
        rounds: how often each artifact has its turn, in a fresh process each time.
        threads: intra-operator threads to try; `ALL_CORES` for all.
        warmup_runs, warmup_seconds: untimed start of every round; both are reached.
        min_runs, min_seconds: both are reached, unless `max_seconds` ends it sooner. The default of 64 runs is the
            fewest that support a 90th percentile.
        pass_seconds: a worker process that takes longer is stopped and reported as failed.
        max_temperature_c: a pass that starts hotter than this is marked; None for no such mark.
        batches: images in one inference, for what whole batches take; 1 is always measured, and is what latency means.
        accelerators: where artifacts of a format are computed; those of others are on the processor.
        count_instructions: count the instructions of an inference too, where something counts them.
    """

    rounds: int = 5
    threads: tuple[int, ...] = (1, ALL_CORES)
    warmup_runs: int = 1
    warmup_seconds: float = 0.5
    min_runs: int = 64
    min_seconds: float = 1.0
    max_seconds: float = 150.0
    pass_seconds: float = 1800.0
    max_temperature_c: float | None = None
    batches: tuple[int, ...] = (1,)
    accelerators: dict[str, Accelerator] = field(default_factory=dict)
    count_instructions: bool = False

    def __post_init__(self) -> None:
        for name in ("rounds", "warmup_runs", "min_runs"):
            _require(_whole(getattr(self, name)) and getattr(self, name) >= 1, name, "a whole number from 1")
        for name in ("warmup_seconds", "min_seconds"):
            _require(_finite(getattr(self, name)) and getattr(self, name) >= 0, name, "seconds, 0 or more")
        for name in ("max_seconds", "pass_seconds"):
            _require(_finite(getattr(self, name)) and getattr(self, name) > 0, name, "seconds, more than 0")
        _require(self.max_seconds >= self.min_seconds, "max_seconds", "at least min_seconds")
        hottest = self.max_temperature_c
        _require(hottest is None or _finite(hottest), "max_temperature_c", "degrees Celsius")
        counts = self.threads
        _require(
            bool(counts) and all(_whole(count) and 0 <= count <= 1024 for count in counts),
            "threads",
            "whole numbers from 1 to 1024, or 0 for all cores",
        )
        _require(
            all(_whole(batch) and 1 <= batch <= LARGEST_BATCH for batch in self.batches),
            "batches",
            f"whole numbers from 1 to {LARGEST_BATCH}",
        )

    def share(self) -> tuple[int, float, float]:
        """Of one round: least runs, least seconds, most seconds."""
        return (
            math.ceil(self.min_runs / self.rounds),
            self.min_seconds / self.rounds,
            self.max_seconds / self.rounds,
        )

    @property
    def obeys_rules(self) -> bool:
        """Whether warm-up and measurement are as long as comparable figures need."""
        return (
            self.min_runs >= RULE_RUNS
            and self.min_seconds >= RULE_SECONDS
            and self.warmup_seconds >= 0.5
            and self.rounds >= 2
        )


QUICK = BenchSettings(rounds=3)
"""The fewest rounds that give a ratio an interval worth printing; all other rules are kept."""


@dataclass(frozen=True)
class PlannedImage:
    """An image on the device: its name in results, where it lies, and the SHA-256 of its bytes."""

    name: str
    path: str
    sha256: str


@dataclass(frozen=True)
class PlannedArtifact:
    """An artifact on the device.

    Attributes:
        path: where it lies there.
        sha256: its identity, as `edgeall.artifact.read` tells.
        images: key into the plan's `image_sets`.
        format, precision: as its metadata tells.
        also: (threads, images in one inference) that are wanted of it beyond what the settings ask of all.
        corruption_images: how many of its images are corrupted, in each way and strength; 0 for no corruptions.
    """

    path: str
    sha256: str
    images: str
    format: Format
    precision: Precision
    also: tuple[tuple[int, int], ...] = ()
    corruption_images: int = 0

    @classmethod
    def of(
        cls,
        opened: Artifact,
        images: str,
        also: tuple[tuple[int, int], ...] = (),
        corruption_images: int = 0,
    ) -> "PlannedArtifact":
        """An artifact that lies on this machine, tested on the image set named `images`."""
        metadata = opened.metadata
        path = str(opened.path.resolve())
        return cls(path, opened.sha256, images, metadata.format, metadata.precision, also, corruption_images)


@dataclass(frozen=True)
class Plan:
    """Artifacts, the images each is scored on, and how much is measured. JSON carries it to the device.

    `selftest`: nothing but the golden answers of the artifacts; images are not needed then.
    """

    artifacts: tuple[PlannedArtifact, ...]
    image_sets: dict[str, tuple[PlannedImage, ...]]
    settings: BenchSettings = field(default_factory=BenchSettings)
    selftest: bool = False

    def __post_init__(self) -> None:
        _require(bool(self.artifacts), "artifacts", "at least one")
        identities = [artifact.sha256 for artifact in self.artifacts]
        _require(len(set(identities)) == len(identities), "artifacts", "all different")
        for artifact in self.artifacts:
            _require(artifact.format in FORMATS, "format", f"one of {', '.join(FORMATS)}")
            _require(
                all(_whole(number) and number >= 1 for pair in artifact.also for number in pair),
                "also",
                "pairs of whole numbers from 1",
            )
            wanted = artifact.corruption_images
            _require(_whole(wanted) and wanted >= 0, "corruption_images", "a whole number, 0 or more")
            _require(
                self.selftest or bool(self.image_sets.get(artifact.images)),
                f"image_sets[{artifact.images!r}]",
                "some images",
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"schema": SCHEMA, **documents.plain(self)}

    @classmethod
    def from_dict(cls, document: Any) -> "Plan":
        """Rebuild from `to_dict`'s output.

        Raises:
            UsageError: not a plan, or one with values out of range; names the field.
        """
        try:
            documents.check_schema(documents.build(_PlanSchema, document).schema, SCHEMA)
            plan = documents.build(_PlanDocument, document, _WRITTEN, strict=True)
        except documents.DocumentError as error:
            raise UsageError(f"not a measuring plan ({error})") from None
        return cls(plan.artifacts, plan.image_sets, plan.settings, plan.selftest)


@dataclass(frozen=True)
class _PlanSchema:
    schema: int


@dataclass(frozen=True)
class _PlanDocument(Plan):
    schema: int = SCHEMA


_WRITTEN = ("schema", "settings.threads", "settings.batches", "settings.accelerators")
"""In every plan, although they have defaults."""


@dataclass(frozen=True)
class Job:
    """One worker process: one artifact, one kind of measurement, one thread count, one round, one batch.

    `change`: what is done to the images, one of `corruptions.CHANGES`; "" for nothing.
    """

    kind: str
    artifact: PlannedArtifact
    threads: int
    round: int = 0
    batch: int = 1
    change: str = ""


@dataclass(frozen=True)
class WorkerJob:
    """A job as the worker process is told of it.

    Attributes:
        artifact: path of the artifact.
        sha256: the identity it must have.
        images: (name, path) of each image of the pass.
        least_runs, least_seconds, most_seconds: of each timed loop in this process.
        spawned_ns: monotonic clock just before this process was started. That clock is one for all processes of a
            machine on Linux (CLOCK_MONOTONIC), macOS and Windows.
        batch: images in one inference.
        accelerators: as `BenchSettings` has them.
        change: as `Job` has it.
    """

    kind: str
    artifact: str
    sha256: str
    threads: int
    images: tuple[tuple[str, str], ...]
    warmup_runs: int
    warmup_seconds: float
    least_runs: int
    least_seconds: float
    most_seconds: float
    spawned_ns: int
    batch: int = 1
    accelerators: dict[str, Accelerator] = field(default_factory=dict)
    change: str = ""


def order(plan: Plan, job: Job, spawned_ns: int) -> WorkerJob:
    """The worker's part of the plan. Accuracy takes every image, corruptions many, the others a varied few."""
    images = plan.image_sets.get(job.artifact.images, ())
    taken = varied(
        images, {"accuracy": len(images), "corruption": job.artifact.corruption_images}.get(job.kind)
    )
    least_runs, least_seconds, most_seconds = plan.settings.share()
    return WorkerJob(
        kind=job.kind,
        artifact=job.artifact.path,
        sha256=job.artifact.sha256,
        threads=job.threads,
        images=tuple((image.name, image.path) for image in taken),
        warmup_runs=plan.settings.warmup_runs,
        warmup_seconds=plan.settings.warmup_seconds,
        least_runs=least_runs,
        least_seconds=least_seconds,
        most_seconds=most_seconds,
        spawned_ns=spawned_ns,
        batch=job.batch,
        accelerators=plan.settings.accelerators,
        change=job.change,
    )


def jobs(plan: Plan, cores: int) -> Iterator[Job]:
    """The jobs of a plan, in order, for a device of `cores` cores.

    Accuracy first, so that what cannot run is known soon; then memory; then latency in interleaved rounds, and so
    larger batches, the smaller ones first; then instructions, with the one thread that makes their count exact;
    corruptions, which take long, last. Every artifact has its turn before any has its next, and each round starts with
    another one, so that neither a slow drift of the machine nor a place in the order favours one of them.
    """
    if plan.selftest:
        yield from (Job("selftest", artifact, 1) for artifact in plan.artifacts)
        return
    asked = [
        (count, batch)
        for count in thread_counts(plan.settings, cores)
        for batch in {1: None, **dict.fromkeys(plan.settings.batches)}
    ]
    wanted = {artifact: {*asked, *artifact.also} for artifact in plan.artifacts}
    more = sorted(pair for artifact in plan.artifacts for pair in artifact.also)
    threads = tuple(dict.fromkeys(count for count, _ in (*asked, *more)))
    batches = sorted({batch for pairs in wanted.values() for _, batch in pairs} - {1})

    def turns(kind: str, number: int, batch: int) -> Iterator[Job]:
        first = number % len(plan.artifacts)
        for count in threads:
            for artifact in plan.artifacts[first:] + plan.artifacts[:first]:
                if (count, batch) in wanted[artifact]:
                    yield Job(kind, artifact, count, number, batch)

    rounds = range(plan.settings.rounds)
    yield from (Job("accuracy", artifact, cores) for artifact in plan.artifacts)
    yield from turns("memory", 0, 1)
    for number in rounds:
        yield from turns("latency", number, 1)
    for number in rounds:
        for batch in batches:
            yield from turns("batch", number, batch)
    if plan.settings.count_instructions:
        yield from (Job("instructions", artifact, 1) for artifact in plan.artifacts)
    for change in corruptions.CHANGES:
        for artifact in plan.artifacts:
            if artifact.corruption_images:
                yield Job("corruption", artifact, cores, change=change)


def thread_counts(settings: BenchSettings, cores: int) -> tuple[int, ...]:
    """The thread counts to try on a device of `cores` cores, each once, in the order given."""
    return tuple(dict.fromkeys(cores if count == ALL_CORES else count for count in settings.threads))


_TIMING = ("rounds", "warmup_runs", "warmup_seconds", "min_runs", "min_seconds", "max_seconds")
_DEPENDS_ON: dict[str, tuple[str, ...]] = {
    "selftest": (),
    "accuracy": (),
    "memory": (),
    "latency": _TIMING,
    "batch": _TIMING,
    "instructions": (),
    "corruption": (),
}


def key(plan: Plan, job: Job, machine: dict[str, Any]) -> str:
    """Identity of a job's result: changes with all that it depends on, and with nothing else.

    `machine` is what results of this device depend on (processor, libraries). Paths do not count, contents do. To be
    asked on the device: what an engine is told depends on its processor.
    """
    artifact = job.artifact
    every = plan.image_sets.get(artifact.images, ())
    if job.kind == "corruption":
        every = varied(every, artifact.corruption_images)
    images = [(image.name, image.sha256) for image in every]
    settings = {name: getattr(plan.settings, name) for name in _DEPENDS_ON[job.kind]}
    # A plan that came as JSON has no seconds as whole numbers.
    settings |= {name: float(value) for name, value in settings.items() if name.endswith("_seconds")}
    place = plan.settings.accelerators.get(artifact.format)
    setup = SessionOptions(job.threads, artifact.precision, place, job.batch)
    identity = [
        job.kind,
        artifact.sha256,
        job.threads,
        job.round,
        job.batch,
        images,
        settings,
        None if place is None else str(place),
        runtimes.settings(artifact.format, setup),
        machine,
        *([corruptions.identity(job.change)] if job.change else []),
    ]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def varied(images: tuple[PlannedImage, ...], most: int | None = None) -> tuple[PlannedImage, ...]:
    """Up to `most` images, evenly spaced over the set, so that no class is left out by its place.

    `most` is `VARIED_INPUTS` where it is not told.
    """
    count = min(VARIED_INPUTS if most is None else most, len(images))
    return tuple(images[index * len(images) // count] for index in range(count))
