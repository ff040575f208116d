"""What is known of one artifact: the artifact itself, its run, and the bench results of exactly this file."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from edgeall.artifact import INTENDED_USE, Artifact, Metadata
from edgeall.reporting import caveats
from edgeall.results import Bench, Result
from edgeall.results.device_bench import title
from edgeall.results.differences import FEW_SUBJECTS
from edgeall.runs import PARTS, Run

_HELD_OUT = ("subject", "image", "other")
"""Kinds of `Result.split_by` whose images did not train the model."""


@dataclass(frozen=True)
class File:
    """A file of an artifact. `sha256` is over its bytes, unlike `Artifact.sha256`."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Part:
    """A part of a run's split. `subjects` is None where one is not known; `labels` counts images."""

    name: str
    images: int
    subjects: int | None
    labels: dict[str, int]


@dataclass(frozen=True)
class Facts:
    """Of one artifact.

    Attributes:
        run: that it was made from; None where it is not there, or its model has changed since.
        benches: one a device, with the results of this artifact alone; empty where no device was measured.
    """

    artifact: Artifact
    files: tuple[File, ...]
    run: Run | None = None
    benches: tuple[Bench, ...] = ()

    @property
    def metadata(self) -> Metadata:
        return self.artifact.metadata

    @property
    def name(self) -> str:
        """Of the model file, without its suffix."""
        return self.artifact.path.stem

    @property
    def kind(self) -> str:
        """Format and precision: "TFLite INT8"."""
        return title(self.metadata.format, self.metadata.precision)

    @property
    def tested(self) -> tuple[tuple[Bench, Result], ...]:
        """One result a device and engine: threads do not change what an artifact answers."""
        first = {
            (id(bench), str(r.engine)): (bench, r)
            for bench in reversed(self.benches)
            for r in bench.results[::-1]
        }
        return tuple(first.values())[::-1]

    @property
    def held_out(self) -> tuple[tuple[Bench, Result], ...]:
        """Of `tested` those on images that did not train the model."""
        return tuple((bench, r) for bench, r in self.tested if r.split_by in _HELD_OUT)

    @property
    def measured(self) -> tuple[tuple[Bench, Result], ...]:
        """Every result: one a device, engine and number of threads."""
        return tuple((bench, result) for bench in self.benches for result in bench.results)

    @property
    def split(self) -> tuple[Part, ...]:
        """Parts of the split; empty where the run is not there, or nobody knows what trained it."""
        if self.run is None or self.run.split.grouped_by == "unknown":
            return ()
        return tuple(_part(self.run, name) for name in PARTS)

    @property
    def measured_at(self) -> str | None:
        """ISO 8601, of the latest measurement."""
        return max((r.measured_at for _, r in self.measured if r.measured_at is not None), default=None)

    @property
    def parity(self) -> str:
        """The outcome of the parity gate as a sentence, with its reasons."""
        parity = self.metadata.parity
        if parity is None:
            return "Parity with the Keras model was not measured."
        reasons = "".join(f" {reason[:1].upper()}{reason[1:]}." for reason in parity.reasons)
        return f"{_PARITY[parity.word].format(n=parity.n)}{reasons}"

    def limits(self) -> tuple[str, ...]:
        """What tempers the figures, a sentence each, the worst first."""
        return tuple(dict.fromkeys(_limits(self)))


_PARITY = {
    "passed": "Parity passed on {n} validation images: the artifact answers as its Keras model within the limits of "
    "its recipe.",
    "failed": "Parity FAILED on {n} validation images: the artifact does not answer as its Keras model. Do not use it.",
    "unproven": "Parity is unproven on {n} validation images: they show neither that the artifact answers as its Keras "
    "model nor that it does not.",
}


def _part(run: Run, name: str) -> Part:
    members = run.split.part(name)
    subjects = {member.subject for member in members}
    labels = Counter(member.label for member in members)
    return Part(
        name,
        len(members),
        None if None in subjects else len(subjects),
        {label: labels[label] for label in run.decision.labels},
    )


def _limits(facts: Facts) -> Iterator[str]:
    metadata = facts.metadata
    if metadata.parity is None or metadata.parity.word != "passed":
        yield facts.parity
    data = (metadata.provenance.data, *(result.data or "" for _, result in facts.tested))
    if any("synth" in each.lower() for each in data):
        yield "The images are synthetic: accuracy here says nothing about patients."
    if facts.benches:
        for bench in facts.benches:
            # Parity stands above, and the intended use at the end.
            told = caveats.limits(bench)
            yield from (each for each in told if not each.startswith("Parity ") and each != INTENDED_USE)
    else:
        yield from _unmeasured(facts)
    if all(result.split_by != "other" for _, result in facts.tested):
        yield (
            "No external images were tested: nothing is known of other laboratories, stains, cameras and "
            "magnifications."
        )
    yield "No figures by age, sex, origin or subtype: edgeall knows none of these of a subject."
    if metadata.domain is None:
        yield "The artifact does not know what its training images looked like: it refuses no unlike picture."
    yield metadata.intended_use


def _unmeasured(facts: Facts) -> Iterator[str]:
    metadata = facts.metadata
    yield "No device was measured: accuracy, latency and memory of this file are not known."
    if metadata.provenance.data_fingerprint.startswith("unknown:"):
        yield "The training images are not known to edgeall."
    if "random" in metadata.provenance.weights.lower():
        yield "Training started from random weights: accuracy is not what the backbone can do."
    test = metadata.test
    if test is None:
        yield "No test figures of its Keras model travel with it."
    elif test.subjects is None or test.grouped_by != "subject":
        yield "Images of one person may be on both sides of the split: test figures are optimistic for new patients."
    elif test.subjects < FEW_SUBJECTS:
        yield f"The test images are of {test.subjects} subjects only."
