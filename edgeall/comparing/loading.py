"""What can be compared: runs, pooled folds and bench results, read into one form."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from edgeall import ensembling, predictions, results, runs
from edgeall.artifact import Decision
from edgeall.comparing.common_images import Answers
from edgeall.errors import RunError, UsageError
from edgeall.formatting import threads
from edgeall.predictions import Predictions
from edgeall.results import Result
from edgeall.results.device_bench import title
from edgeall.statistics import Estimate, is_positive, positive_score

POOLED = runs.POOLED
Kind = Literal["run", "folds", "bench"]


@dataclass(frozen=True)
class Place:
    """Which result of a bench; `backbone` and `run` only where a file has several."""

    format: str
    precision: str
    threads: int
    backbone: str | None = None
    run: str | None = None

    def __str__(self) -> str:
        whose = self.run or self.backbone
        return f"{'' if whose is None else whose + ' '}{title(self.format, self.precision)}, {threads(self.threads)}"


@dataclass(frozen=True, eq=False)
class Entry:
    """One model: a run's Keras model, or an artifact with one thread count and what was measured of it."""

    answers: Answers | None
    result: Result | None = None

    @property
    def n(self) -> int:
        if self.answers is not None:
            return len(self.answers.names)
        return 0 if self.result is None else self.result.n

    @property
    def figures(self) -> dict[str, Estimate]:
        """By metric; of a result without its answers as it tells them."""
        if self.answers is not None and (self.answers.scores is not None or self.result is None):
            return self.answers.figures
        assert self.result is not None
        told = {
            "accuracy": self.result.accuracy_shown,
            "sensitivity": self.result.sensitivity,
            "specificity": self.result.specificity,
            "auc": self.result.auc,
        }
        return {name: figure for name, figure in told.items() if figure is not None}


@dataclass(frozen=True, eq=False)
class Source:
    """One thing to compare.

    Attributes:
        name: unique among those compared.
        entries: of a run or folds one, at None; of a bench one a result.
        labels: of the classes; of a bench not known.
        device: of a bench, in words.
        models: how many models gave the answers: folds' number, else 1.
    """

    name: str
    path: Path
    kind: Kind
    backbone: str | None
    grouped_by: frozenset[str]
    entries: dict[Place | None, Entry]
    labels: tuple[str, ...] | None = None
    device: str | None = None
    models: int = 1


def open_sources(paths: Sequence[Path], root: Path = runs.RUNS_FOLDER) -> tuple[Source, ...]:
    """Read what is named: folders (or names under `root`) of runs or of pooled folds, or files of bench results.

    Raises:
        UsageError: fewer than two, one twice, runs beside results, or no such thing.
        RunError, MeasurementError: damaged, or without predictions.
    """
    if len(paths) < 2:
        raise UsageError("compare needs two or more: run folders, or result files of bench")
    found = [_found(path, root) for path in paths]
    twice = [
        path for index, path in enumerate(found) if path.resolve() in {p.resolve() for p in found[:index]}
    ]
    if twice:
        raise UsageError(f"{twice[0]} is named twice; compare it with another")
    benches = [path.is_file() for path in found]
    if any(benches) and not all(benches):
        raise UsageError(
            f"{found[benches.index(False)]} is a run and {found[benches.index(True)]} a result of bench: compare runs "
            "with runs, and results (runs/RUN/bench/DEVICE.json) with results"
        )
    short = [path.stem if path.is_file() else path.name for path in found]
    names = short if len(set(short)) == len(short) else [str(path) for path in found]
    if all(benches):
        return _benches(names, found)
    return tuple(_run(name, path) for name, path in zip(names, found, strict=True))


def _found(path: Path, root: Path) -> Path:
    for place in (path, root / path):
        if place.is_file() or any((place / name).is_file() for name in ("run.json", POOLED, ensembling.FILE)):
            return place
    if path.suffix == ".json":
        raise UsageError(f"{path}: no such file; make results with: edgeall bench")
    raise UsageError(f"{path}: neither a run, nor an ensemble, nor pooled folds, nor a result file of bench")


def _run(name: str, path: Path) -> Source:
    if ensembling.is_ensemble(path):
        return _ensemble(name, path)
    if not (path / "run.json").is_file():
        return _folds(name, path)
    run = runs.load(path)
    _refuse_unsaid(path)
    said = _part(path, predictions.of_run(run), "test")
    return Source(
        name, path, "run", run.backbone, frozenset({run.split.grouped_by}),
        {None: Entry(_answers(said, run.decision, _hashes([run])))}, run.decision.labels,
    )  # fmt: skip


def _ensemble(name: str, path: Path) -> Source:
    ensemble = ensembling.load(path)
    member = runs.load(ensemble.members[0])
    decision, other = ensemble.decision, member.decision
    if (decision.labels, decision.positive) != (other.labels, other.positive):
        raise RunError(f"{path / ensembling.FILE}: its labels are not those of {member.path}; make it again")
    said = _said(path, decision, "test")
    predictions.check_images(path / predictions.FILE, said, member.split.test, decision.labels)
    if not (said.thresholds == decision.threshold).all():
        raise RunError(f"{path / predictions.FILE}: its threshold is not that of the ensemble; make it again")
    hashes = _hashes([member])
    return Source(
        name, path, "run", ensemble.backbone, frozenset({ensemble.grouped_by}),
        {None: Entry(_answers(said, ensemble.decision, hashes))}, ensemble.decision.labels,
    )  # fmt: skip


def _folds(name: str, path: Path) -> Source:
    file = path / POOLED
    pooled = runs.load_folds(path)
    decision = Decision(pooled.decision.labels, pooled.decision.positive)
    backbone, grouped_by = pooled.backbone, pooled.split.grouped_by
    members = [path / member for member in pooled.runs]
    said = _said(path, decision, predictions.POOLED)
    if len(said.images) != pooled.split.test:
        raise RunError(
            f"{path / predictions.FILE}: is of {len(said.images)} images, and {file.name} of {pooled.split.test}; "
            "cross-validate again"
        )
    # Folds may have been removed to save room: then images are known by name alone.
    known = [runs.load(member) for member in members if (member / "run.json").is_file()]
    hashes = {}
    if len(known) == len(members):
        tests = [member for run in known for member in run.split.test]
        predictions.check_images(path / predictions.FILE, said, tests, decision.labels)
        hashes = _hashes(known)
    return Source(
        name, path, "folds", backbone, frozenset({grouped_by}), {None: Entry(_answers(said, decision, hashes))},
        decision.labels, models=len(members),
    )  # fmt: skip


def _said(path: Path, decision: Decision, part: str) -> Predictions:
    _refuse_unsaid(path)
    return _part(path, predictions.read(path / predictions.FILE, decision.labels), part)


def _refuse_unsaid(path: Path) -> None:
    if not (path / predictions.FILE).is_file():
        raise RunError(
            f"{path}: has no {predictions.FILE} (imported, or trained by an older edgeall); train it again, or bench "
            "it and compare the result files"
        )


def _part(path: Path, parts: dict[str, Predictions], part: str) -> Predictions:
    if part not in parts:
        raise RunError(f"{path / predictions.FILE}: holds no predictions of the part '{part}'; train again")
    return parts[part]


def _hashes(known: Sequence[runs.Run]) -> dict[str, str]:
    return {member.name: member.sha256 for run in known for member in run.split.test}


def _answers(said: Predictions, decision: Decision, hashes: dict[str, str]) -> Answers:
    scores = positive_score(said.probabilities, decision)
    many = len(decision.labels) > 2
    return Answers(
        names=said.images,
        hashes=tuple(hashes[name] for name in said.images) if set(said.images) <= hashes.keys() else None,
        subjects=said.groups,
        positive=is_positive(said.truth, decision),
        called=np.asarray(scores >= said.thresholds),
        scores=scores,
        chosen_right=np.asarray(said.probabilities.argmax(axis=1) == said.truth) if many else None,
    )


def _benches(names: Sequence[str], paths: Sequence[Path]) -> tuple[Source, ...]:
    read = []
    for path in paths:
        benches = results.load([path])
        if len(benches) != 1:
            raise UsageError(f"{path}: holds results of {len(benches)} devices; give a file of one device")
        read.append(benches[0])
    keys = _keys(paths, [bench.results for bench in read])
    sources = []
    for name, path, bench, places in zip(names, paths, read, keys, strict=True):
        # Threads change how long an artifact takes, not what it answers.
        said = {r.name: _recorded(r) for r in bench.results}
        backbones = {r.backbone for r in bench.results}
        sources.append(
            Source(
                name, path, "bench", next(iter(backbones)) if len(backbones) == 1 else None,
                frozenset(r.split_by for r in bench.results),
                {place: Entry(said[r.name], r) for place, r in zip(places, bench.results, strict=True)},
                device=f"{bench.device} ({bench.machine})",
            )
        )  # fmt: skip
    return tuple(sources)


def _keys(paths: Sequence[Path], every: Sequence[Sequence[Result]]) -> list[list[Place]]:
    """The shortest description by which each result of each file is found again in the others."""
    backbones = [frozenset(r.backbone for r in results) for results in every]
    keys: list[list[Place]] = []
    for whose in range(3):
        keys = [[_place(r, whose) for r in results] for results in every]
        # Two backbones may be set against each other, but one of two is compared with itself.
        alike = whose > 0 or all(len(one) == 1 for one in backbones)
        if alike and all(len(set(one)) == len(one) for one in keys):
            return keys
    worst = next(index for index, one in enumerate(keys) if len(set(one)) < len(one))
    twice = next(place for place in keys[worst] if keys[worst].count(place) > 1)
    raise UsageError(f"{paths[worst]}: holds several results of {twice}; give a file of one run and device")


def _place(r: Result, whose: int) -> Place:
    backbone = r.backbone if whose == 1 else None
    return Place(r.format, r.precision, r.threads, backbone, (r.run or r.backbone) if whose == 2 else None)


def _recorded(r: Result) -> Answers | None:
    said = r.predictions
    if said is None or not said.images:
        return None
    return Answers(
        names=said.images,
        hashes=said.images,
        subjects=said.subjects,
        positive=np.asarray(said.truth, dtype=bool),
        called=np.asarray(said.positive, dtype=bool),
        scores=None if said.scores is None else np.asarray(said.scores, dtype=np.float64),
    )
