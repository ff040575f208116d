"""The gate on the pooled validation images of several runs, such as the folds of a cross-validation.

One run's validation images are often too few to prove parity. Those of all folds together judge the recipe for models
of this kind. Each model is compared with its own INT8 form.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeall import files
from edgeall.arrays import ArraysError, read_arrays
from edgeall.artifact import Parity
from edgeall.errors import ExportError
from edgeall.exporting import gate
from edgeall.exporting.manifest import Exported
from edgeall.exporting.paired_scores import PairedScores, concatenate
from edgeall.exporting.recipes import Recipe
from edgeall.files import AnyPath

FOLDER = ".answers"
"""In a run's exports: outputs of each artifact and of its float model for validation images."""
DOCUMENT = "parity.json"
"""In the folder of a cross-validation: the pooled figures by recipe."""


@dataclasses.dataclass(frozen=True)
class PooledParity:
    """Parity of a recipe's artifacts of several runs, on the validation images of all runs."""

    recipe: str
    runs: tuple[str, ...]
    parity: Parity

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def keep(artifact: Path, images: PairedScores) -> None:
    """Save the outputs of the artifact and of its float model for the validation images."""
    path = _place(artifact)
    path.parent.mkdir(exist_ok=True)
    arrays = {field.name: np.asarray(getattr(images, field.name)) for field in dataclasses.fields(images)}
    arrays["subjects"] = np.array([name or "" for name in images.subjects])
    arrays["answers"] = arrays.pop("outputs")
    with files.replacing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def pool(exported: Sequence[Exported], recipes: Sequence[Recipe], folder: AnyPath) -> list[PooledParity]:
    """Judge the artifacts of each recipe together, and write `folder`/parity.json.

    Float32, which is the same model, and recipes with fewer than two artifacts are left out.

    Raises:
        ExportError: outputs that `keep` saved are damaged.
    """
    found = []
    for recipe in recipes:
        of = [each for each in exported if each.recipe == recipe.name and _place(each.path).is_file()]
        if len(of) > 1:
            images = concatenate([_read(_place(each.path)) for each in of])
            found.append(
                PooledParity(recipe.name, tuple(each.run for each in of), gate.judge(images, recipe.parity))
            )
    files.write_json(Path(folder) / DOCUMENT, {"pooled": [each.to_dict() for each in found]})
    return found


def _read(path: Path) -> PairedScores:
    try:
        values: dict[str, Any] = read_arrays(path)
        values["subjects"] = tuple(str(name) or None for name in values["subjects"])
        return PairedScores(outputs=values.pop("answers"), **values)
    except (ArraysError, KeyError, TypeError) as error:
        raise ExportError(
            f"{path}: damaged ({error}); delete it and the artifact, and export again"
        ) from None


def _place(artifact: Path) -> Path:
    return artifact.parent / FOLDER / f"{artifact.name}.npz"
