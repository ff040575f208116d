"""The run folder: what training leaves behind for export and bench. Reads and writes `run.json`; imports no engine.

A run holds `model.keras`, `run.json`, `history.csv`, `predictions.csv`, `evaluation/`, `exports/` and `bench/`.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeall import documents, files
from edgeall.artifact import Calibration, Decision
from edgeall.errors import RunError, UsageError
from edgeall.pixels import PixelMapping

SCHEMA = 1
RUNS_FOLDER = Path("runs")
PARTS = ("train", "val", "test")


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
        metrics: of the Keras model by part, at the chosen threshold; of test once, after every choice.
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

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def model_path(self) -> Path:
        return self.path / "model.keras"

    @property
    def exports(self) -> Path:
        return self.path / "exports"

    def images(self, part: str, root: Path | None = None) -> list[Path]:
        """Paths of a split part's images under `root` (default: where they were at training).

        Raises:
            RunError: one is missing, or its bytes are not those of the split.
        """
        folder = self.data.root if root is None else root
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
    if not name or Path(name).name != name or name.startswith("."):
        raise UsageError(f"'{name}' is no name for a run: give a single word, such as mobilenetv2-cnmc")


def fingerprint(members: tuple[Member, ...]) -> str:
    """SHA-256 over the sorted names and hashes of images."""
    lines = sorted(f"{member.sha256} {member.name}\n" for member in members)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class _Schema:
    schema: int


_NEEDED = ("decision.threshold", "decision.refer")
"""In every run, although they have defaults: a threshold that is missing is not one half."""


def save(run: Run) -> None:
    """Write `run.json` into the run's folder."""
    document: dict[str, Any] = {"schema": SCHEMA}
    document |= {key: value for key, value in dataclasses.asdict(run).items() if key != "path"}
    document["data"]["root"] = str(run.data.root)
    files.write_json(run.path / "run.json", document)


def load(path: Path) -> Run:
    """Read a run folder.

    Raises:
        RunError: no run there, or an incomplete or foreign one.
    """
    file = path / "run.json"
    if not file.is_file():
        raise RunError(f"{path}: not a run (no run.json); train one with: edgeall train")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if documents.build(_Schema, document).schema != SCHEMA:
            raise RunError(f"{file}: written by another version of edgeall; train the run again")
        run = documents.build(Run, document | {"path": path}, _NEEDED)
        if run.calibration:
            Calibration.from_dict(run.calibration)
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{file}: damaged ({error}); train the run again") from None
    if not run.model_path.is_file():
        raise RunError(f"{path}: has no model.keras (training was interrupted?); train it again")
    return run


def find(root: Path = RUNS_FOLDER) -> list[Run]:
    """All runs under `root`, by name.

    Raises:
        RunError: none there.
    """
    found = [load(file.parent) for file in sorted(root.glob("*/run.json")) if not files.is_hidden(file.parent)]
    if not found:
        raise RunError(f"{root}: no runs there; train one with: edgeall train")
    return found


def of_artifact(path: Path) -> Run | None:
    """The run whose `exports/` holds the artifact at `path`, if it is still there."""
    folder = path.resolve().parent.parent
    return load(folder) if (folder / "run.json").is_file() else None
