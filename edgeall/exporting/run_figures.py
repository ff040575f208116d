"""What an artifact says of test images and of people: from its run's metrics, and from its own verdicts."""

from dataclasses import dataclass

from edgeall import documents
from edgeall.artifact import ClassTest, Decision, Precision, Share, TestFigures
from edgeall.errors import RunError
from edgeall.exporting.paired_scores import PairedScores
from edgeall.runs import Run
from edgeall.statistics import LearnedCut, learn_person_cut


@dataclass(frozen=True)
class _Figure:
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class _Confusion:
    tn: int
    fp: int
    fn: int
    tp: int


@dataclass(frozen=True)
class _Referral:
    referred: _Figure
    answered_sensitivity: _Figure | None
    answered_specificity: _Figure | None


@dataclass(frozen=True)
class _Metrics:
    """What is read of the metrics of a run's test part. `sensitivity` of old runs has an interval over images."""

    n: int
    clusters: int | None
    threshold: float
    confusion: _Confusion
    sensitivity: _Figure | None
    specificity: _Figure | None
    sensitivity_over_subjects: _Figure | None = None
    specificity_over_subjects: _Figure | None = None
    of: str = "the Keras model"
    referral: _Referral | None = None


def figures_of_test(run: Run) -> TestFigures | None:
    """The test figures of a run's Keras model; None where it was not tested, as after an import.

    Raises:
        RunError: its metrics of the test part are malformed, or of other images or another decision than the run's.
    """
    found = run.metrics.get("test")
    if found is None:
        return None
    try:
        return _of_metrics(run, documents.build(_Metrics, found))
    except ValueError as error:
        raise RunError(
            f"{run.path / 'run.json'}: metrics.test cannot be used ({error}); train the run again"
        ) from None


def _of_metrics(run: Run, metrics: _Metrics) -> TestFigures:
    cells, band = metrics.confusion, metrics.referral
    positive, negative = cells.tp + cells.fn, cells.tn + cells.fp
    if metrics.n != len(run.split.test) or metrics.n != positive + negative:
        raise ValueError(f"of {metrics.n} images, and the split has {len(run.split.test)}")
    if metrics.threshold != run.decision.threshold or (band is None) != (run.decision.refer is None):
        raise ValueError("of another decision than the run's")
    if band is None:
        right = (
            metrics.sensitivity_over_subjects or metrics.sensitivity,
            metrics.specificity_over_subjects or metrics.specificity,
        )
    else:
        right = band.answered_sensitivity, band.answered_specificity
    known = metrics.clusters is not None
    people = len({member.subject for member in run.split.test})
    if known and metrics.clusters != people:
        raise ValueError(f"of {metrics.clusters} people, and the split has {people}")
    return TestFigures(
        of=metrics.of,
        grouped_by=run.split.grouped_by,
        threshold=metrics.threshold,
        positive=ClassTest(_share(right[0]), positive, _people(run, True) if known else None),
        negative=ClassTest(_share(right[1]), negative, _people(run, False) if known else None),
        subjects=metrics.clusters,
        referred=None if band is None else _share(band.referred),
    )


def _people(run: Run, positive: bool) -> int:
    """Number of people with test images of a class."""
    labels = run.decision.positive
    return len({member.subject for member in run.split.test if (member.label in labels) == positive})


def _share(figure: _Figure | None) -> Share | None:
    if figure is None or figure.value is None:
        return None
    if figure.low is None or figure.high is None:
        return Share(figure.value)
    return Share(figure.value, min(figure.low, figure.value), max(figure.high, figure.value))


def person_cut(run: Run, precision: Precision, images: PairedScores, decision: Decision) -> LearnedCut:
    """The cut for people of an artifact.

    Float32 gives the Keras model's verdicts, whose cut training learned on all validation images. Other precisions have
    verdicts, and INT8 a threshold, of their own. Their cut is of these, on the validation images of the gate.

    Args:
        images: the artifact's outputs for these.
        decision: the artifact's.

    Raises:
        RunError: the run's record of a cut is malformed.
    """
    recorded = recorded_cut(run)
    if recorded is not None and precision == "float32":
        return recorded
    return learn_person_cut(images.subjects, images.truth, images.outputs, decision, run.split.grouped_by)


def recorded_cut(run: Run) -> LearnedCut | None:
    """The cut that a run records, or why it has none; None of runs of versions that did not learn one.

    Raises:
        RunError: the record is malformed.
    """
    found = run.metrics.get("val", {}).get("person_cut")
    if found is None:
        return None
    try:
        return documents.build(LearnedCut, found)
    except ValueError as error:
        raise RunError(
            f"{run.path / 'run.json'}: metrics.val.person_cut cannot be used ({error}); train the run again"
        ) from None
