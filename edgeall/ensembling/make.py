"""Makes an ensemble from its members' recorded predictions for their common images. No model is run."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeall import evaluating, files, predictions, runs
from edgeall.artifact import Decision
from edgeall.datasets import least_strict, split_caveat
from edgeall.ensembling.ensemble import FILE, Ensemble, save
from edgeall.errors import RunError, UsageError
from edgeall.evaluating import Evaluation
from edgeall.files import AnyPath
from edgeall.predictions import Predictions
from edgeall.progress import SILENT, Progress
from edgeall.runs import RUNS_FOLDER, Run
from edgeall.statistics import (
    LearnedCut,
    choose_band,
    choose_threshold,
    is_positive,
    learn_person_cut,
    number_copies,
    positive_score,
)

HELD_OUT = ("val", "test")
_NAMES = {"val": "validation", "test": "test"}
_REMEDY = "train them on one split, with the same --seed or --split FILE"


def make_ensemble(
    paths: Sequence[AnyPath],
    out: AnyPath = RUNS_FOLDER,
    *,
    name: str | None = None,
    min_sensitivity: float | None = None,
    min_specificity: float | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Ensemble:
    """Average runs that were trained on the same split, and write the ensemble `out/name`.

    The threshold and the optional referral band are chosen on the common validation images. Test images are scored
    once, at the end.

    Args:
        paths: folders of the runs.
        name: default: the members' backbones, as in "mobilenetv2+inceptionv3".
        min_sensitivity, min_specificity: of the verdicts outside the referral band, in 0..1; both or neither.

    Raises:
        UsageError: fewer than two members, one twice, other labels or another split; `out/name` exists and not
            `overwrite`.
        RunError: a member is damaged or has no predictions.
    """
    out = Path(out)
    _check_band(min_sensitivity, min_specificity)
    if name is not None:
        runs.check_name(name)
    members = [runs.load(path) for path in paths]
    _check(members)
    path = out / (name or "+".join(run.backbone for run in members))
    files.refuse_overwrite(path, overwrite)
    if path.exists() and not (path / FILE).is_file():
        raise UsageError(f"{path} is not an ensemble, so it is not replaced; give another name")
    uncalibrated = [run.name for run in members if run.calibration.get("method", "none") == "none"]
    for each in uncalibrated:
        progress.note(f"{each}: its probabilities are not calibrated, and are averaged without calibration")
    labels, positive = members[0].decision.labels, members[0].decision.positive
    predicted = _averaged(members, progress)
    decision = _decide(Decision(labels, positive), predicted["val"], min_sensitivity, min_specificity)
    predicted = {
        part: dataclasses.replace(each, thresholds=np.full(len(each.images), decision.threshold))
        for part, each in predicted.items()
    }
    evaluations = {part: evaluating.evaluate(each, decision) for part, each in predicted.items()}
    grouped_by, val = least_strict(run.split.grouped_by for run in members), predicted["val"]
    cut = learn_person_cut(val.subjects, val.truth, val.probabilities, decision, grouped_by)
    ensemble = _ensemble(path, members, decision, evaluations, cut)
    with files.replacing_folder(path, overwrite) as folder:
        save(ensemble, folder)
        predictions.write(folder / predictions.FILE, predicted, labels)
        evaluating.write(
            folder, path.name, decision, evaluations, ensemble.params, notes=_notes(members, uncalibrated)
        )
    return ensemble


def _ensemble(
    path: Path,
    members: Sequence[Run],
    decision: Decision,
    evaluations: Mapping[str, Evaluation],
    cut: LearnedCut,
) -> Ensemble:
    metrics: dict[str, Any] = {
        part: {"of": "the mean of the Keras models"} | each.metrics | {"loss": each.loss, "mse": each.mse}
        for part, each in evaluations.items()
    }
    metrics["val"]["person_cut"] = cut.to_dict()
    return Ensemble(
        path=path,
        members=tuple(run.path for run in members),
        sha256=tuple(files.sha256_file(run.model_path) for run in members),
        backbone="+".join(run.backbone for run in members),
        decision=decision,
        grouped_by=least_strict(run.split.grouped_by for run in members),
        params={key: sum(run.params[key] for run in members) for key in members[0].params},
        metrics=metrics,
    )


def _check_band(min_sensitivity: float | None, min_specificity: float | None) -> None:
    if (min_sensitivity is None) != (min_specificity is None):
        raise UsageError("a referral band needs both a minimum sensitivity and a minimum specificity")
    for least in (min_sensitivity, min_specificity):
        if least is not None and not 0.0 <= least <= 1.0:
            raise UsageError(f"a minimum sensitivity or specificity of {least} is not within 0 and 1")


def _check(members: Sequence[Run]) -> None:
    if len(members) < 2:
        raise UsageError("an ensemble needs two or more runs: edgeall ensemble RUN RUN")
    by_model: dict[str, Run] = {}
    for run in members:
        other = by_model.setdefault(files.sha256_file(run.model_path), run)
        if other is not run:
            raise UsageError(f"{run.path} and {other.path} are the same model; give different ones")
    first = members[0]
    for run in members[1:]:
        for what, ours, theirs in (
            ("labels", run.decision.labels, first.decision.labels),
            ("positive labels", run.decision.positive, first.decision.positive),
        ):
            if ours != theirs:
                raise UsageError(
                    f"{run.name} has the {what} {', '.join(ours)}, {first.name} has {', '.join(theirs)}"
                )
    for run in members:
        for other in members:
            _refuse_trained_on(run, other)
    for run in members[1:]:
        _refuse_other_images(run, first)


def _refuse_trained_on(run: Run, other: Run) -> None:
    """Raises UsageError where validation or test images of `run` trained `other`."""
    trained = {member.sha256 for member in other.split.train}
    for part in HELD_OUT:
        members = run.split.part(part)
        used = sum(member.sha256 in trained for member in members)
        if used:
            raise UsageError(
                f"{used} of {run.name}'s {len(members)} {_NAMES[part]} images trained {other.name}: their ensemble "
                f"cannot be evaluated; {_REMEDY}"
            )


def _refuse_other_images(run: Run, first: Run) -> None:
    """Raises UsageError where validation or test images, or their labels, differ from those of `first`."""
    for part in HELD_OUT:
        ours, theirs = ({m.sha256: m.label for m in each.split.part(part)} for each in (run, first))
        if ours.keys() != theirs.keys():
            raise UsageError(
                f"{run.name} and {first.name} were split differently: they have {len(ours.keys() & theirs.keys())} "
                f"{_NAMES[part]} images in common, and {len(ours.keys() ^ theirs.keys())} of one only; {_REMEDY}"
            )
        apart = [sha256 for sha256, label in ours.items() if label != theirs[sha256]]
        if apart:
            name = next(m.name for m in run.split.part(part) if m.sha256 == apart[0])
            raise UsageError(
                f"{name} is labelled '{ours[apart[0]]}' in {run.name} and '{theirs[apart[0]]}' in {first.name}: "
                "use the same labels and train again"
            )


def _averaged(members: Sequence[Run], progress: Progress) -> dict[str, Predictions]:
    """Each part's images in the first member's order, with the mean of the members' probabilities.

    The train part is included only where it is the same in all members.
    """
    first = members[0]
    every = [predictions.of_run(run) for run in members]
    averaged = {}
    for part in runs.PARTS:
        if part not in HELD_OUT and len({_hashes(run, part) for run in members}) > 1:
            progress.note("members were trained on different images: there are no figures of the train part")
            continue
        rows = [_rows(run, part, own) for run, own in zip(members, every, strict=True)]
        if not rows[0]:
            if part in HELD_OUT:
                raise RunError(
                    f"{first.path}: has no {_NAMES[part]} images to evaluate an ensemble on; train it again"
                )
            continue
        tables = [
            own[part].probabilities[[row_of[image] for image in rows[0]]]
            for row_of, own in zip(rows, every, strict=True)
        ]
        averaged[part] = dataclasses.replace(every[0][part], probabilities=np.mean(tables, axis=0))
    return averaged


def _rows(run: Run, part: str, predicted: Mapping[str, Predictions]) -> dict[tuple[str, int], int]:
    """Row of each image in a run's predictions, by its SHA-256 and the number of its copy."""
    names = predicted[part].images if part in predicted else ()
    sha256_of = {member.name: member.sha256 for member in run.split.part(part)}
    return {key: row for row, key in enumerate(number_copies(sha256_of[name] for name in names))}


def _hashes(run: Run, part: str) -> tuple[str, ...]:
    return tuple(sorted(member.sha256 for member in run.split.part(part)))


def _notes(members: Sequence[Run], uncalibrated: Sequence[str]) -> list[str]:
    names = ", ".join(f"{run.name} ({run.backbone}, head {run.head}, from {run.weights})" for run in members)
    notes = [f"The mean of the probabilities of {names}."]
    if uncalibrated:
        notes.append(f"Averaged without calibration: {', '.join(uncalibrated)}.")
    return [*notes, split_caveat(least_strict(run.split.grouped_by for run in members))]


def _decide(
    decision: Decision, val: Predictions, min_sensitivity: float | None, min_specificity: float | None
) -> Decision:
    truth = is_positive(val.truth, decision).tolist()
    scores = positive_score(val.probabilities, decision).tolist()
    threshold = choose_threshold(truth, scores)
    band = None
    if min_sensitivity is not None and min_specificity is not None:
        band = choose_band(truth, scores, threshold, min_sensitivity, min_specificity)
    return dataclasses.replace(decision, threshold=threshold, refer=band)
