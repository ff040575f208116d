"""The folder of an ensemble, written and read."""

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeall import documents, files, runs
from edgeall.artifact import Decision
from edgeall.errors import RunError
from edgeall.files import AnyPath
from edgeall.runs import Run

FILE = "ensemble.json"
SCHEMA = 1


@dataclass(frozen=True)
class Ensemble:
    """Two or more runs that answer together.

    Attributes:
        members: folders of the runs.
        sha256: of each member's `model.keras`, in that order; an ensemble is of these models and no later ones.
        decision: at the threshold that validation images chose for the mean.
        params: parameter counts, summed.
        metrics: of the mean of the members' Keras models by part, as a run's.
    """

    path: Path
    members: tuple[Path, ...]
    sha256: tuple[str, ...]
    backbone: str
    decision: Decision
    grouped_by: str
    params: dict[str, int]
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; members relative to the folder, so that all may move together."""
        return {
            "schema": SCHEMA,
            "members": [
                {"run": Path(os.path.relpath(member, self.path)).as_posix(), "sha256": sha256}
                for member, sha256 in zip(self.members, self.sha256, strict=True)
            ],
            "backbone": self.backbone,
            "decision": dataclasses.asdict(self.decision),
            "split": {"grouped_by": self.grouped_by},
            "params": self.params,
            "metrics": self.metrics,
        }


@dataclass(frozen=True)
class _Member:
    run: str
    sha256: str


@dataclass(frozen=True)
class _Grouped:
    grouped_by: runs.GroupedBy


@dataclass(frozen=True)
class _EnsembleDocument:
    """`ensemble.json`."""

    schema: int
    members: tuple[_Member, ...]
    backbone: str
    decision: Decision
    split: _Grouped
    params: dict[str, int]
    metrics: dict[str, Any]

    def __post_init__(self) -> None:
        if len({member.sha256 for member in self.members}) != len(self.members) or len(self.members) < 2:
            raise ValueError("an ensemble is of two or more different members")


def is_ensemble(path: AnyPath) -> bool:
    """Whether a folder is an ensemble's."""
    path = Path(path)
    return (path / FILE).is_file()


def save(ensemble: Ensemble, place: Path) -> None:
    """Write the ensemble's file into the folder `place`, which is to become `ensemble.path`."""
    files.write_json(place / FILE, ensemble.to_dict())


def load(path: AnyPath) -> Ensemble:
    """Read an ensemble's folder.

    Raises:
        RunError: none there, damaged, a member gone, or trained again since.
    """
    path = Path(path)
    file = path / FILE
    if not is_ensemble(path):
        raise RunError(f"{path}: not an ensemble (no {FILE}); make one with: edgeall ensemble RUN RUN")
    try:
        document = documents.read(_EnsembleDocument, file, ("decision.threshold", "decision.refer"))
        documents.check_schema(document.schema, SCHEMA)
    except documents.NewerSchemaError as error:
        raise RunError(f"{file}: {error}") from None
    except documents.DocumentError as error:
        raise RunError(f"{file}: cannot be read ({error}); make the ensemble again") from None
    ensemble = Ensemble(
        path=path,
        # By name, as they were written: "runs/a", not "runs/both/../a".
        members=tuple(Path(os.path.normpath(path / member.run)) for member in document.members),
        sha256=tuple(member.sha256 for member in document.members),
        backbone=document.backbone,
        decision=document.decision,
        grouped_by=document.split.grouped_by,
        params=document.params,
        metrics=document.metrics,
    )
    for member, sha256 in zip(ensemble.members, ensemble.sha256, strict=True):
        model = member / "model.keras"
        if not model.is_file():
            raise RunError(f"{path}: its member {member} is not there; make the ensemble again")
        if files.sha256_file(model) != sha256:
            raise RunError(f"{path}: its member {member} was trained again since; make the ensemble again")
    return ensemble


def member_runs(path: AnyPath) -> list[Run]:
    """The runs that a folder stands for: an ensemble's members, or the one run that it is."""
    path = Path(path)
    if is_ensemble(path):
        return [runs.load(member) for member in load(path).members]
    return [runs.load(path)]
