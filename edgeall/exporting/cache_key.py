"""Cache keys: one SHA-256 over all inputs of an artifact, and one over those of the shared INT8 model."""

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
from edgeall.exporting.run_figures import figures_of_test, recorded_cut
from edgeall.runs import Member, Run

METHOD_REVISION = 8
"""Incremented whenever edgeall rewrites, rounds, trains, writes or judges a model differently. Artifacts of another
revision are made anew, also in a development checkout, whose version stays the same while the code changes."""

SHARED_PACKAGES = ("keras", "tensorflow", "onnx")
"""Packages that the shared INT8 model depends on, besides those of a format."""


@dataclass(frozen=True)
class RunInputs:
    """Inputs that all artifacts of one run share.

    Attributes:
        model: SHA-256 of the Keras model file.
        making: inputs that every model is made from and judged on.
        training: digest of the training images.
        facts: other facts about the run that artifacts record.
    """

    model: str
    making: dict[str, Any]
    training: str
    facts: dict[str, Any]


def of_run(run: Run, also: Sequence[Member] = ()) -> RunInputs:
    """Inputs of a run, for all recipes. `also`: other pictures that artifacts are compared on."""
    model = files.sha256_file(run.model_path)
    test, learned = figures_of_test(run), recorded_cut(run)
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
        "test": None if test is None else dataclasses.asdict(test),
        "person_cut": None if learned is None else learned.to_dict(),
        "grouped_by": run.split.grouped_by,
        "subjects": [member.subject for member in run.split.val],
        "domain": None if run.domain is None else dataclasses.asdict(run.domain),
    }
    return RunInputs(model, making, _members(run.split.train), facts)


def shared_key(of: RunInputs, recipe: Recipe, calibration: Sequence[Member]) -> str:
    """The cache key of the shared INT8 model. `calibration`: the selected images."""
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
    """The cache key of one artifact. `ways`: the methods that are compared."""
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
    """Versions of edgeall and of the converting packages, which artifacts record."""
    return {"edgeall": __version__} | _versions(exporter(recipe.format).PACKAGES)


def _versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of the packages that are installed, without importing them."""
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
