"""What decides what an artifact is, as one SHA-256; and the same of the INT8 model that formats of a run share."""

import dataclasses
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from edgeall import __version__, files
from edgeall.engines import ENGINES
from edgeall.exporting.exporter import exporter
from edgeall.exporting.recipes import Recipe
from edgeall.runs import Member, Run

METHOD_REVISION = 6
"""Raised whenever what edgeall itself does to a model changes: how it is rewritten, rounded, tuned, written or judged.
Work of another revision is never taken over, neither by the next release nor by a development checkout, whose version
stays the same while the code changes."""

SHARED_PACKAGES = ("keras", "tensorflow", "onnx")
"""That make the INT8 model which formats share, besides those that a format needs itself."""


@dataclass(frozen=True)
class RunInputs:
    """What the artifacts of one run have in common.

    Attributes:
        model: SHA-256 of the Keras model file.
        making: what every model is made from and judged on.
        training: digest of the training images.
        facts: what artifacts say of the run beyond that.
    """

    model: str
    making: dict[str, Any]
    training: str
    facts: dict[str, Any]


def of_run(run: Run, also: Sequence[Member] = ()) -> RunInputs:
    """Read once for all recipes. `also`: other pictures that artifacts are judged on."""
    model = files.sha256_file(run.model_path)
    making = {
        "edgeall": __version__,
        "revision": METHOD_REVISION,
        "model": model,
        "pixels": dataclasses.asdict(run.pixels),
        "labels": run.decision.labels,
        "validation": _members(run.split.val),
        "settings": {
            key: run.settings.get(key) for key in ("threshold", "min_sensitivity", "min_specificity")
        },
    } | ({"also": _members(also)} if also else {})
    facts = {
        "backbone": run.backbone,
        "head": run.head,
        "weights": run.weights,
        "licence": run.licence,
        "data": [run.data.layout, run.data.fingerprint],
        "decision": dataclasses.asdict(run.decision),
        "calibration": run.calibration,
        "versions": run.versions,
    }
    return RunInputs(model, making, _members(run.split.train), facts)


def shared_key(of: RunInputs, recipe: Recipe, calibration: Sequence[Member]) -> str:
    """Of the INT8 model that formats share. `calibration`: the images that are taken."""
    assert recipe.fine_tuning is not None
    return _digest(
        of.making
        | {
            "calibration": [member.sha256 for member in calibration],
            "training": of.training,
            "fine_tuning": dataclasses.asdict(recipe.fine_tuning),
            "temperature": of.facts["calibration"].get("method", "none"),
            "packages": _versions((*SHARED_PACKAGES, "numpy")),
        }
    )


def artifact_key(
    of: RunInputs, recipe: Recipe, calibration: Sequence[Member], ways: Sequence[object], shared: str | None
) -> str:
    """Of one artifact. `ways`: what is tried to make it."""
    # Parity is measured in the engine.
    engine = tuple(names[0] for names in ENGINES[recipe.format].packages.values())
    packages = exporter(recipe.format).PACKAGES + engine
    return _digest(
        of.making
        | of.facts
        | {
            "images": [member.sha256 for member in calibration],
            "recipe": recipe.to_dict(),
            "methods": list(ways),
            "shared": shared,
            "packages": _versions(packages + (SHARED_PACKAGES if shared else ())),
        }
    )


def converters(recipe: Recipe) -> dict[str, str]:
    """Versions of edgeall and the libraries that convert, as artifacts name them."""
    return {"edgeall": __version__} | _versions(exporter(recipe.format).PACKAGES)


def _versions(packages: Iterable[str]) -> dict[str, str]:
    """Of those that are installed; without importing them."""
    found = {package: _version(package) for package in packages}
    return {package: version for package, version in found.items() if version is not None}


@cache
def _version(package: str) -> str | None:
    for distribution in (package, f"{package}-cpu"):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _members(members: Sequence[Member]) -> str:
    return _digest([[member.name, member.label, member.sha256] for member in members])


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
