"""Making an ensemble from what its members said of their common images; no model is run."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeall import evaluating, files, predictions, runs
from edgeall.artifact import Decision
from edgeall.ensembling.ensemble import FILE, Ensemble, save
from edgeall.errors import UsageError
from edgeall.predictions import Predictions
from edgeall.progress import SILENT, Progress
from edgeall.runs import RUNS_FOLDER, Run
from edgeall.statistics import choose_band, choose_threshold, is_positive, positive_score


def make_ensemble(
    paths: Sequence[Path],
    out: Path = RUNS_FOLDER,
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
    if (min_sensitivity is None) != (min_specificity is None):
        raise UsageError("a referral band needs both a wanted sensitivity and a wanted specificity")
    if name is not None:
        runs.check_name(name)
    members = [runs.load(path) for path in paths]
    _check(members)
    path = out / (name or "+".join(run.backbone for run in members))
    files.refuse_overwrite(path, overwrite)
    if path.exists() and not (path / FILE).is_file():
        raise UsageError(f"{path} is not an ensemble, so it is not replaced; give another name")
    for run in members:
        if run.calibration.get("method", "none") == "none":
            progress.note(
                f"{run.name}: its probabilities were not calibrated; their mean is taken as they come"
            )
    labels, positive = members[0].decision.labels, members[0].decision.positive
    said = _averaged(members)
    decision = _decide(Decision(labels, positive), said["val"], min_sensitivity, min_specificity)
    said = {
        part: dataclasses.replace(each, thresholds=np.full(len(each.images), decision.threshold))
        for part, each in said.items()
    }
    found = {part: evaluating.evaluate(each, decision, members[0].seed) for part, each in said.items()}
    ensemble = Ensemble(
        path=path,
        members=tuple(run.path for run in members),
        sha256=tuple(files.sha256_file(run.model_path) for run in members),
        backbone="+".join(run.backbone for run in members),
        decision=decision,
        grouped_by=members[0].split.grouped_by,
        params={key: sum(run.params[key] for run in members) for key in members[0].params},
        metrics={
            part: {"of": "the mean of the Keras models"} | each.metrics | {"loss": each.loss, "mse": each.mse}
            for part, each in found.items()
        },
    )
    with files.replacing_folder(path, overwrite) as folder:
        save(ensemble, folder)
        predictions.write(folder / predictions.FILE, said, labels)
        together = ", ".join(run.name for run in members)
        evaluating.write(
            folder, path.name, decision, found, ensemble.params,
            notes=[f"The mean of the probabilities of {together}."],
        )  # fmt: skip
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
        for part in ("val", "test"):
            if _hashes(run, part) != _hashes(first, part):
                raise UsageError(
                    f"{run.name} and {first.name} were split differently, so one may have learned what tests the "
                    "other; train them with the same --seed, or the same --split FILE"
                )


def _hashes(run: Run, part: str) -> frozenset[str]:
    return frozenset(member.sha256 for member in run.split.part(part))


def _averaged(members: Sequence[Run]) -> dict[str, Predictions]:
    """Each part's images in the first member's order, with the mean of the members' probabilities."""
    labels = members[0].decision.labels
    every = [predictions.read(run.path / predictions.FILE, labels) for run in members]
    averaged = {}
    for part, first in every[0].items():
        tables = []
        for run, said in zip(members, every, strict=True):
            of_name = dict(zip(said[part].images, said[part].probabilities, strict=True))
            if of_name.keys() != set(first.images):
                raise UsageError(
                    f"{os.fspath(run.path / predictions.FILE)}: its {part} images are not those of {members[0].name}; "
                    "train them with the same --split FILE"
                )
            tables.append([of_name[image] for image in first.images])
        averaged[part] = dataclasses.replace(first, probabilities=np.mean(tables, axis=0))
    return averaged


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
