"""Whether a device's answers are those to what it was asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeall import documents
from edgeall.benching.results_from_records import Subject
from edgeall.errors import MeasurementError
from edgeall.measuring.plan import Job, Plan, jobs, varied
from edgeall.measuring.records import FigureKey, Record, Start


@dataclass(frozen=True)
class _Environment:
    """What a bench reads of a device's environment."""

    model: str | None
    cpu: str | None
    cores: int
    architecture: str
    system: str
    emulated: bool
    emulation_signs: tuple[str, ...]
    raspberry_pi: bool


def asked(plan: Plan, start: Start) -> dict[str, Job]:
    """The jobs of a plan by the keys that a device gives them: all in order, but instructions where nothing counts.

    Raises:
        MeasurementError: the device is about to measure something else, or does not say what it is.
    """
    try:
        environment = documents.build(_Environment, start.environment)
    except ValueError as error:
        raise MeasurementError(f"the device does not say what it is ({error})") from None
    found: dict[str, Job] = {}
    told = list(start.jobs)
    for job in jobs(plan, environment.cores):
        figure = FigureKey.of(job.artifact.sha256, job.kind, job.threads, job.batch, job.change)
        if told and told[0][1] == figure and told[0][0] not in found:
            found[told.pop(0)[0]] = job
        elif job.kind != "instructions":
            raise MeasurementError(
                "the device does not measure what it was asked to; is its edgeall this one?"
            )
    if told:
        raise MeasurementError("the device measures more than it was asked to; is its edgeall this one?")
    return found


def is_of(record: Record, job: Job) -> bool:
    """Whether a record is of the job."""
    told = (record.artifact, record.kind, record.threads, record.round, record.batch, record.change)
    return told == (job.artifact.sha256, job.kind, job.threads, job.round, job.batch, job.change)


def contradiction(record: Record, subjects: Mapping[str, Subject]) -> str | None:
    """Why a sound record cannot be one of these artifacts (by SHA-256) on their test images; None where it can.

    Its answers must be of exactly the images that were asked for, in order, with a probability for each class.
    """
    subject = subjects.get(record.artifact)
    if subject is None or record.kind not in ("accuracy", "corruption") or record.result is None:
        return None
    names: Sequence[str] = record.result["names"]
    rows: Sequence[Any] = record.result["probabilities"]
    # Corruptions take as many as were asked for: the key of the record holds the number.
    every = subject.tests.images
    taken = every if record.kind == "accuracy" else varied(every, len(names))
    wanted = [image.name for image in taken]
    if list(names) != wanted:
        return f"its answers are of {len(names)} images, not of the {len(wanted)} that were asked for"
    classes = len(subject.artifact.metadata.decision.labels)
    if any(len(row) != classes for row in rows if row is not None):
        return f"an answer is not of {classes} classes"
    return None
