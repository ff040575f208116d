"""Making an ensemble from what its members said of their common images; no model is run."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeall import evaluating, files, predictions, runs
from edgeall.artifact import Decision
from edgeall.ensembling.ensemble import FILE, Ensemble, save
from edgeall.errors import RunError, UsageError
from edgeall.files import AnyPath
from edgeall.predictions import Predictions
from edgeall.progress import SILENT, Progress
from edgeall.runs import RUNS_FOLDER, Run
from edgeall.statistics import choose_band, choose_threshold, is_positive, positive_score

HELD_OUT = ("val", "test")
_NAMES = {"val": "validation", "test": "test"}
_WAY_OUT = "train them on one split, with the same --seed or --split FILE"
_CAVEATS = {
    "unknown": "Which images trained a member is not known; these may be among them, and the figures optimistic.",
    "image": "Subjects are not known: the split is by image, and what it says of new people is optimistic.",
    "subject": "No subject is on two sides of the split.",
}
"""By how the images were split, the least careful first."""


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

    The threshold, and the referral band where one is wanted, are chosen on the common validation images; test images
    are scored once, at the end.

    Args:
        paths: folders of the runs.
        name: default: the members' backbones, as in "mobilenetv2+inceptionv3".

    Raises:
        UsageError: fewer than two members, one twice, other labels or another split; something is at `out/name` and
            not `overwrite`.
        RunError: a member is damaged or keeps no predictions.
    """
    out = Path(out)
    if (min_sensitivity is None) != (min_specificity is None):
        raise UsageError("a referral band needs both a wanted sensitivity and a wanted specificity")
    for wanted in (min_sensitivity, min_specificity):
        if wanted is not None and not 0.0 <= wanted <= 1.0:
            raise UsageError(f"a wanted sensitivity or specificity lies within 0 and 1, not at {wanted}")
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
        progress.note(f"{each}: its probabilities were not calibrated; their mean is taken as they come")
    labels, positive = members[0].decision.labels, members[0].decision.positive
    said = _averaged(members, progress)
    decision = _decide(Decision(labels, positive), said["val"], min_sensitivity, min_specificity)
    said = {
        part: dataclasses.replace(each, thresholds=np.full(len(each.images), decision.threshold))
        for part, each in said.items()
    }
    found = {part: evaluating.evaluate(each, decision) for part, each in said.items()}
    ensemble = Ensemble(
        path=path,
        members=tuple(run.path for run in members),
        sha256=tuple(files.sha256_file(run.model_path) for run in members),
        backbone="+".join(run.backbone for run in members),
        decision=decision,
        grouped_by=_grouped_by(members),
        params={key: sum(run.params[key] for run in members) for key in members[0].params},
        metrics={
            part: {"of": "the mean of the Keras models"} | each.metrics | {"loss": each.loss, "mse": each.mse}
            for part, each in found.items()
        },
    )
    with files.replacing_folder(path, overwrite) as folder:
        save(ensemble, folder)
        predictions.write(folder / predictions.FILE, said, labels)
        evaluating.write(
            folder, path.name, decision, found, ensemble.params, notes=_notes(members, uncalibrated)
        )
    return ensemble


def _check(members: Sequence[Run]) -> None:
    if len(members) < 2:
        raise UsageError("an ensemble is of two or more runs: edgeall ensemble RUN RUN")
    seen: dict[str, Run] = {}
    for run in members:
        other = seen.setdefault(files.sha256_file(run.model_path), run)
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
    """No image that chooses or tests may have trained a member."""
    trained = {member.sha256 for member in other.split.train}
    for part in HELD_OUT:
        members = run.split.part(part)
        seen = sum(member.sha256 in trained for member in members)
        if seen:
            raise UsageError(
                f"{seen} of {run.name}'s {len(members)} {_NAMES[part]} images trained {other.name}: their ensemble "
                f"cannot be judged; {_WAY_OUT}"
            )


def _refuse_other_images(run: Run, first: Run) -> None:
    """All members choose and test on the same images, of the same truth."""
    for part in HELD_OUT:
        ours, theirs = ({m.sha256: m.label for m in each.split.part(part)} for each in (run, first))
        if ours.keys() != theirs.keys():
            raise UsageError(
                f"{run.name} and {first.name} were split differently: they have {len(ours.keys() & theirs.keys())} "
                f"{_NAMES[part]} images in common, and {len(ours.keys() ^ theirs.keys())} of one alone; {_WAY_OUT}"
            )
        apart = [sha256 for sha256, label in ours.items() if label != theirs[sha256]]
        if apart:
            name = next(m.name for m in run.split.part(part) if m.sha256 == apart[0])
            raise UsageError(
                f"{name} is '{ours[apart[0]]}' to {run.name} and '{theirs[apart[0]]}' to {first.name}: label the data "
                "alike and train again"
            )


def _averaged(members: Sequence[Run], progress: Progress) -> dict[str, Predictions]:
    """Each part's images in the first member's order, with the mean of the members' probabilities.

    The train part only where all members have the same.
    """
    first = members[0]
    every = [predictions.of_run(run) for run in members]
    averaged = {}
    for part in runs.PARTS:
        if part not in HELD_OUT and len({_hashes(run, part) for run in members}) > 1:
            progress.note("members were trained on different images: there are no figures of the train part")
            continue
        rows = [_rows(run, part, said) for run, said in zip(members, every, strict=True)]
        if not rows[0]:
            if part in HELD_OUT:
                raise RunError(
                    f"{first.path}: has no {_NAMES[part]} images to judge an ensemble with; train it again"
                )
            continue
        tables = [
            said[part].probabilities[[own[image] for image in rows[0]]]
            for own, said in zip(rows, every, strict=True)
        ]
        averaged[part] = dataclasses.replace(every[0][part], probabilities=np.mean(tables, axis=0))
    return averaged


def _rows(run: Run, part: str, said: Mapping[str, Predictions]) -> dict[tuple[str, int], int]:
    """Where each image stands in a run's predictions; known by its bytes, copies of one by their number."""
    names = said[part].images if part in said else ()
    sha256_of = {member.name: member.sha256 for member in run.split.part(part)}
    found: dict[tuple[str, int], int] = {}
    copies: Counter[str] = Counter()
    for row, name in enumerate(names):
        sha256 = sha256_of[name]
        found[sha256, copies[sha256]] = row
        copies[sha256] += 1
    return found


def _hashes(run: Run, part: str) -> tuple[str, ...]:
    return tuple(sorted(member.sha256 for member in run.split.part(part)))


def _grouped_by(members: Sequence[Run]) -> str:
    """What the least careful of the members' splits allows to say."""
    told = {run.split.grouped_by for run in members}
    return next((way for way in _CAVEATS if way in told), "unknown")


def _notes(members: Sequence[Run], uncalibrated: Sequence[str]) -> list[str]:
    names = ", ".join(f"{run.name} ({run.backbone}, head {run.head}, from {run.weights})" for run in members)
    notes = [f"The mean of the probabilities of {names}."]
    if uncalibrated:
        notes.append(f"Not calibrated, and averaged as they come: {', '.join(uncalibrated)}.")
    return [*notes, _CAVEATS[_grouped_by(members)]]


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
