"""The run folder: what training leaves behind for export and bench. Reads and writes `run.json`; imports no engine.

A run holds `model.keras`, `run.json`, `history.csv`, `predictions.csv`, `evaluation/`, `exports/` and `bench/`.
"""

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from edgeall import documents, files
from edgeall.artifact import Calibration, Decision, Domain
from edgeall.errors import RunError, UsageError
from edgeall.files import AnyPath
from edgeall.pixels import PixelMapping

SCHEMA = 1
RUNS_FOLDER = Path("runs")
PARTS = ("train", "val", "test")
GroupedBy = Literal["subject", "image", "unknown"]
GROUPED_BY: tuple[GroupedBy, ...] = get_args(GroupedBy)
_CALIBRATIONS = ("none", "temperature", "platt")
_UNKNOWN = "unknown:"
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Member:
    """One image of a split: its name relative to the data folder, SHA-256 of its bytes, label and subject."""

    name: str
    sha256: str
    label: str
    subject: str | None = None


@dataclass(frozen=True)
class Split:
    """Which images train, choose (threshold, early stopping, parity) and test. The three are disjoint.

    Attributes:
        grouped_by: "subject" when no subject is on two sides; "image" where subjects are not known, which is
            optimistic and said beside every accuracy; "unknown" where nobody knows which images trained the model.
    """

    train: tuple[Member, ...]
    val: tuple[Member, ...]
    test: tuple[Member, ...]
    grouped_by: str

    def part(self, name: str) -> tuple[Member, ...]:
        """Members of "train", "val" or "test"."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]


@dataclass(frozen=True)
class DataSource:
    """Where the images of a run were: folder (absolute), layout name, fingerprint of the training images.

    Where those are not known, the fingerprint is "unknown:" and the SHA-256 of the model file that was imported.
    """

    root: Path
    layout: str
    fingerprint: str


@dataclass(frozen=True)
class Run:
    """A fine-tuned model and all that is known of it. `path` is its folder.

    Attributes:
        weights: what training started from, in the words shown beside each accuracy
            ("random weights, BatchNorm recalibrated on 72 training images").
        params: parameter counts: total, trainable, non_trainable.
        settings: hyper-parameters as given, with defaults filled in.
        calibration: what was done to the probabilities, on validation images: method, scale and offset of the logit.
        metrics: of the Keras model by part, at the chosen threshold; of test once, after every choice. Of val,
            `stability` too, where training measured it: `edgeall.training.stability.of_run` reads it.
        domain: of its training and validation images; None where they are not known or too few, and in runs that did
            not yet say it.
    """

    path: Path
    backbone: str
    head: str
    weights: str
    licence: str
    seed: int
    pixels: PixelMapping
    decision: Decision
    data: DataSource
    split: Split
    params: dict[str, int]
    settings: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    domain: Domain | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def model_path(self) -> Path:
        return self.path / "model.keras"

    @property
    def exports(self) -> Path:
        return self.path / "exports"

    def images(self, part: str, root: AnyPath | None = None) -> list[Path]:
        """Paths of a split part's images under `root` (default: where they were at training).

        Raises:
            RunError: one is missing, or its bytes are not those of the split.
        """
        folder = self.data.root if root is None else Path(root)
        paths = []
        for member in self.split.part(part):
            path = folder / member.name
            if not path.is_file():
                raise RunError(
                    f"{path}: image of run {self.name}'s {part} split is missing; "
                    "say where the data is now with --data DIR"
                )
            if files.sha256_file(path) != member.sha256:
                raise RunError(f"{path}: is not the image that run {self.name} knows by this name")
            paths.append(path)
        return paths

    def class_indices(self, part: str) -> list[int]:
        """Index into `decision.labels` of each member of a split part, in order."""
        return [self.decision.labels.index(member.label) for member in self.split.part(part)]


def check_name(name: str) -> None:
    """Raise `UsageError` unless `name` is a single word for a folder among runs."""
    if not name or Path(name).name != name or name.startswith(".") or not name.isprintable():
        raise UsageError(f"'{name}' is no name for a run: give a single word, such as mobilenetv2-cnmc")


def fingerprint(members: tuple[Member, ...]) -> str:
    """SHA-256 over the sorted names and hashes of images."""
    lines = sorted(f"{member.sha256} {member.name}\n" for member in members)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def run_fingerprint(run: Run) -> str:
    """SHA-256 over what decides a run's figures: its pixels, its decision, and all that its split says of each image.

    The values are listed here by name, so that ones that are added later change nothing for what was saved before.
    """
    pixels, decision, split = run.pixels, run.decision, run.split
    numbers = [pixels.scale, pixels.offset, [decision.threshold], decision.refer or []]
    facts = [
        *(pixels.size, pixels.channel_order, pixels.fit, pixels.filter, decision.labels, decision.positive),
        *[[float(number) for number in each] for each in numbers],
        split.grouped_by,
    ]
    lines = sorted(
        json.dumps([part, member.sha256, member.label, member.subject, member.name])
        for part in PARTS
        for member in split.part(part)
    )
    return hashlib.sha256("\n".join([json.dumps(facts), *lines]).encode()).hexdigest()


def check_split(split: Split, labels: Collection[str] | None = None) -> None:
    """Raise `ValueError` where a split contradicts itself, or names a label that is none of `labels`.

    No image is named twice, none is on two sides, and no subject either where the split is by subject.
    """
    if split.grouped_by not in GROUPED_BY:
        raise ValueError(f"split.grouped_by is {split.grouped_by!r}, none of {', '.join(GROUPED_BY)}")
    names: dict[str, str] = {}
    sides: dict[tuple[str, str], str] = {}
    for part in PARTS:
        for member in split.part(part):
            before = len(names)
            _check_member(member, part, labels)
            if (other := names.setdefault(member.name, part)) != part:
                raise ValueError(f"{member.name!r} is in {part} and in {other}")
            if len(names) == before:
                raise ValueError(f"{member.name!r} is twice in {part}")
            kept_together = [("image", member.sha256)]
            if split.grouped_by == "subject":
                if member.subject is None:
                    raise ValueError(f"{member.name!r} has no subject in a split by subject")
                kept_together.append(("subject", member.subject))
            for what in kept_together:
                if sides.setdefault(what, part) != part:
                    raise ValueError(f"the {what[0]} of {member.name!r} is in {part} and in {sides[what]}")


def _check_member(member: Member, part: str, labels: Collection[str] | None) -> None:
    place = PurePosixPath(member.name)
    if not member.name or place.is_absolute() or ".." in place.parts:
        raise ValueError(f"{member.name!r} in {part} is no name below the data folder")
    if SHA256.fullmatch(member.sha256) is None:
        raise ValueError(f"the hash of {member.name!r} is no SHA-256")
    if labels is not None and member.label not in labels:
        raise ValueError(f"the label {member.label!r} of {member.name!r} is none of {', '.join(labels)}")


@dataclass(frozen=True)
class _RunDocument:
    """What `run.json` holds beside the run."""

    schema: int
    fingerprint: str = ""


_NEEDED = ("decision.threshold", "decision.refer")
"""In every run, although they have defaults: a threshold that is missing is not one half."""


def save(run: Run) -> None:
    """Write `run.json` into the run's folder."""
    document = {"schema": SCHEMA, **documents.plain(run), "fingerprint": run_fingerprint(run)}
    del document["path"]
    files.write_json(run.path / "run.json", document)


def load(path: AnyPath) -> Run:
    """Read a run folder.

    Raises:
        RunError: no run there, or an incomplete or foreign one.
    """
    path = Path(path)
    file = path / "run.json"
    if not file.is_file():
        raise RunError(f"{path}: not a run (no run.json); train one with: edgeall train")
    try:
        document = documents.load(file)
        beside = documents.build(_RunDocument, document)
        documents.check_schema(beside.schema, SCHEMA)
        run = documents.build(Run, document | {"path": path}, _NEEDED)
        if run.calibration:
            documents.build(Calibration, run.calibration)
        _check(run, beside.fingerprint)
    except documents.NewerSchemaError as error:
        raise RunError(f"{file}: {error}") from None
    except ValueError as error:
        raise RunError(f"{file}: cannot be read ({error}); train the run again") from None
    if not run.model_path.is_file():
        raise RunError(f"{path}: has no model.keras (training was interrupted?); train it again")
    return run


def _check(run: Run, recorded: str) -> None:
    """Raise `ValueError` where a run contradicts itself, or its file's fingerprint `recorded`."""
    check_split(run.split, run.decision.labels)
    known = run.data.fingerprint
    if known.startswith(_UNKNOWN):
        if run.split.grouped_by != "unknown":
            raise ValueError(f"nobody knows what trained it, and its split is by {run.split.grouped_by}")
    elif known != fingerprint(run.split.train):
        raise ValueError("the training images of its split are not those of its fingerprint")
    if run.calibration and run.calibration["method"] not in _CALIBRATIONS:
        raise ValueError(f"calibration.method is none of {', '.join(_CALIBRATIONS)}")
    # Runs of earlier versions have none.
    if recorded and recorded != run_fingerprint(run):
        raise ValueError("its split, decision or pixels are not those of its fingerprint")
    if any(count < 0 for count in run.params.values()):
        raise ValueError("a number of parameters is negative")


def folder_of(name: AnyPath, root: AnyPath = RUNS_FOLDER) -> Path:
    """The folder that a user means by `name`: that path or, where there is no such folder, the one below `root`."""
    path, below = Path(name), Path(root) / name
    return below if below.is_dir() and not path.is_dir() else path


def find(root: AnyPath = RUNS_FOLDER) -> list[Run]:
    """All runs under `root`, by name.

    Raises:
        RunError: none there.
    """
    root = Path(root)
    found = [
        load(file.parent) for file in sorted(root.glob("*/run.json")) if not files.is_hidden(file.parent)
    ]
    if not found:
        raise RunError(f"{root}: no runs there; train one with: edgeall train")
    return found


POOLED = "pooled.json"
"""In the folder of a cross-validation: which runs are its folds, and what they say together."""


@dataclass(frozen=True)
class PooledDecision:
    """Labels of all folds, as a `Decision` has them; the threshold is each fold's own."""

    labels: tuple[str, ...]
    positive: tuple[str, ...]

    def __post_init__(self) -> None:
        Decision(self.labels, self.positive)


@dataclass(frozen=True)
class PooledSplit:
    """How the folds were made, and the number of images out of fold."""

    grouped_by: GroupedBy
    test: int


@dataclass(frozen=True)
class PooledFolds:
    """What is read of `pooled.json`.

    Attributes:
        runs: names of the folds' folders, inside the cross-validation's; k in number.
    """

    backbone: str
    k: int
    runs: tuple[str, ...]
    split: PooledSplit
    decision: PooledDecision

    def __post_init__(self) -> None:
        if not self.runs or self.k != len(self.runs) or len(set(self.runs)) != self.k:
            raise ValueError(f"{len(set(self.runs))} different runs of {self.k} folds")
        for run in self.runs:
            if Path(run).name != run:
                raise ValueError(f"the run {run!r} is no folder beside it")


def is_folds(path: AnyPath) -> bool:
    """Whether `path` is the folder of a cross-validation."""
    return (Path(path) / POOLED).is_file()


def load_folds(path: AnyPath) -> PooledFolds:
    """Read the document of a cross-validation's folder.

    Raises:
        RunError: it is damaged.
    """
    file = Path(path) / POOLED
    try:
        return documents.read(PooledFolds, file)
    except documents.DocumentError as error:
        raise RunError(f"{file}: damaged ({error}); cross-validate again") from None


def of_folds(path: AnyPath) -> list[Run]:
    """The runs of a cross-validation's folder, a fold each.

    Raises:
        RunError: its document is damaged, or a fold is not there.
    """
    return [load(Path(path) / name) for name in load_folds(path).runs]


def of_artifact(path: AnyPath) -> Run | None:
    """The run whose `exports/` holds the artifact at `path`, if it is still there."""
    path = Path(path)
    folder = path.resolve().parent.parent
    return load(folder) if (folder / "run.json").is_file() else None
