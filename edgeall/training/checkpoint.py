"""Checkpoints of a training, from which an interrupted training resumes.

The order of images, their augmentation and dropout depend on the seed and the epoch alone. Epochs after the checkpoint
are therefore repeated exactly, and the result is bit-identical to that of an uninterrupted training (on a CPU, with the
same number of threads).
"""

import hashlib
import json
import math
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from edgeall import files

Arrays = list[npt.NDArray[Any]]

INTERVAL = 20.0
"""Least seconds between two saved states of a phase. A large model's state has hundreds of megabytes."""

_FACTS = "facts"


@dataclass(frozen=True)
class TrainingState:
    """JSON-ready facts, and arrays by name: "model", "optimizer", "best"."""

    facts: dict[str, Any]
    arrays: dict[str, Arrays]


@dataclass(frozen=True)
class Checkpoint:
    """A folder with the last state of each phase of one training.

    Attributes:
        folder: None saves nothing.
        key: of the training, from `key_of`. States of another training are ignored and replaced.
        interval: least seconds between saves.
    """

    folder: Path | None
    key: str = ""
    interval: float = field(default_factory=lambda: INTERVAL)

    @classmethod
    def beside(cls, path: Path, key: str) -> "Checkpoint":
        """The checkpoint of the training that writes the folder `path`: a hidden folder next to it."""
        return cls(path.with_name(f".{path.name}.training"), key)

    def save(self, phase: str, state: TrainingState) -> None:
        """Replace the state of `phase`, whole or not at all.

        Raises:
            FileError: it cannot be written.
        """
        if self.folder is None:
            return
        named = {
            f"{kind}.{number}": array
            for kind, arrays in state.arrays.items()
            for number, array in enumerate(arrays)
        }
        counts = {kind: len(arrays) for kind, arrays in state.arrays.items()}
        facts = json.dumps({"key": self.key, "facts": state.facts, "counts": counts})
        # No flush to disk: `load` ignores a state damaged by a power failure, which costs only time.
        with files.replacing(self._path(self.folder, phase), flush=False) as part:
            np.savez(part, allow_pickle=False, **{_FACTS: np.array(facts)}, **named)

    def load(self, phase: str) -> TrainingState | None:
        """The last state of `phase`; None where this training has no intact one."""
        if self.folder is None:
            return None
        try:
            with np.load(self._path(self.folder, phase), allow_pickle=False) as stored:
                document = json.loads(str(stored[_FACTS]))
                if document["key"] != self.key:
                    return None
                arrays = {
                    kind: [stored[f"{kind}.{number}"] for number in range(count)]
                    for kind, count in document["counts"].items()
                }
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None
        return TrainingState(document["facts"], arrays)

    def clear(self) -> None:
        """Delete all states of a finished training."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _path(folder: Path, phase: str) -> Path:
        return folder / f"{hashlib.sha256(phase.encode()).hexdigest()[:16]}.npz"


NO_CHECKPOINT = Checkpoint(None, interval=math.inf)
"""Saves nothing."""


def key_of(*documents: Any) -> str:
    """SHA-256 over JSON-ready documents that determine the result of a training."""
    return hashlib.sha256(json.dumps(documents, sort_keys=True).encode()).hexdigest()


def variables(model: Any) -> list[Any]:
    """The variables that training changes in a model: weights, moving averages, states of random generators."""
    metrics = {id(variable) for variable in model.metrics_variables}
    return [variable for variable in model.variables if id(variable) not in metrics]


def values(of: Sequence[Any]) -> Arrays:
    """Copies of Keras variables."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in of]


def assign(to: Sequence[Any], arrays: Sequence[npt.NDArray[Any]]) -> None:
    """Assign arrays from `values` to Keras variables."""
    for variable, array in zip(to, arrays, strict=True):
        variable.assign(array)
