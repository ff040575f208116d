"""A peer's INT8 model of a run: its script is run in its environment, and what came of it is kept."""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench.environments import Environment, last_line, without_places
from int8_common import CALIBRATION

from edgeall import artifact, documents, files, runs, statistics, training
from edgeall.exporting import calibration_images, frozen, source_models
from edgeall.telemetry import FOREIGN, VARIABLES

from .table import Peer
from .trained import path_of

QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "OPENVINO_TELEMETRY_OPT_OUT": "1",
    "YOLO_OFFLINE": "true",
    "HF_HUB_OFFLINE": "1",
    **VARIABLES,
    **FOREIGN,
}


@dataclass(frozen=True)
class Material:
    """What peers get of a run: forms of its float model, and the images that edgeall calibrates and chooses on.

    Attributes:
        folder: of all files; its name has the model's SHA-256.
    """

    folder: Path
    run: runs.Run

    @property
    def sources(self) -> source_models.Sources:
        return source_models.Sources(self.folder / "float", self.run.pixels)

    @property
    def calibration(self) -> Path:
        return self.folder / "calibration.npy"

    @property
    def validation(self) -> Path:
        return self.folder / "validation.npy"


@dataclass(frozen=True)
class Made:
    """A peer's model.

    Attributes:
        path: of the model; None where there is none.
        seconds: that the peer took.
        note: how it was made, or why it was not.
    """

    path: Path | None
    seconds: float
    note: str


@dataclass(frozen=True)
class _Record:
    made: bool
    seconds: float
    note: str


@dataclass(frozen=True)
class _Answer:
    refused: str | None = None
    note: str | None = None


def prepare(run: runs.Run, cache: Path, data: Path | None, say: Callable[[str], None]) -> Material:
    """The float model in the forms that peers read, and input tensors as edgeall's own quantizers get them."""
    material = Material(cache / f"{run.name}-{files.sha256_file(run.model_path)[:12]}", run)
    if (material.folder / "ready").is_file():
        return material
    say(f"{run.name}: float models for the peers")
    material.sources.folder.mkdir(parents=True, exist_ok=True)
    frozen.freeze(training.load_model(run), run.pixels.size, material.sources.graph)
    for need in ("saved_model", "onnx"):
        source_models.INTERMEDIATES[need](material.sources)
    parts = {
        material.calibration: ("train", calibration_images.select(run.split.train, CALIBRATION, 0)),
        material.validation: ("val", run.split.part("val")),
    }
    for path, (part, members) in parts.items():
        calibration_images.decode(run, part, members, path, data)
        tensors = np.concatenate(list(calibration_images.stream(path, run.pixels)))
        np.save(path, tensors.astype(np.float32))
    files.write_text(material.folder / "ready", "")
    return material


def folder_of(peer: Peer, format: artifact.Format, material: Material) -> Path:
    """Where a peer's model is; its name has the SHA-256 of the script, the requirements and the options."""
    recipe = hashlib.sha256(peer.program.read_bytes() + peer.pinned.read_bytes())
    recipe.update(json.dumps([peer.script, peer.options, peer.minutes], sort_keys=True).encode())
    return material.folder / "models" / f"{peer.name}-{format}-{recipe.hexdigest()[:12]}"


def quantize(
    peer: Peer,
    format: artifact.Format,
    material: Material,
    environment: Environment,
    say: Callable[[str], None],
) -> Made:
    """A peer's model of a format, made where it is not there yet. Its refusal is kept as well."""
    if environment.refused:
        return Made(None, 0.0, f"not installed: {environment.refused}")
    folder = folder_of(peer, format, material)
    model = folder / f"model{artifact.suffix_of(format)}"
    if not (folder / "record.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        say(f"{material.run.name}, {format}: {peer.title}")
        files.write_json(folder / "record.json", vars(_run(peer, format, material, environment, model)))
    found = documents.read(_Record, folder / "record.json")
    return Made(model if found.made else None, found.seconds, without_places(found.note))


def _run(
    peer: Peer, format: artifact.Format, material: Material, environment: Environment, model: Path
) -> _Record:
    run, folder = material.run, model.parent
    truth = statistics.is_positive(np.asarray(run.class_indices("val")), run.decision)
    labels = run.decision.labels
    task = {
        "format": format,
        "keras": run.model_path,
        "saved_model": material.sources.saved_model,
        "tflite": path_of(run, "tflite", "float32"),
        "onnx": material.sources.onnx,
        "calibration": material.calibration,
        "validation": material.validation,
        "truth": truth.tolist(),
        "threshold": run.decision.threshold,
        "positive": [labels.index(each) for each in run.decision.positive],
        "out": model,
        "options": peer.options,
    }
    paths = {name: str(value.resolve()) for name, value in task.items() if isinstance(value, Path)}
    files.write_json(folder / "task.json", {**task, **paths})
    (folder / "answer.json").unlink(missing_ok=True)
    started = time.monotonic()
    try:
        done = subprocess.run(  # noqa: S603
            [str(environment.python), str(peer.program), str((folder / "task.json").resolve())],
            cwd=folder,
            env={**_clean_environment(), **QUIET},
            capture_output=True,
            text=True,
            timeout=60 * peer.minutes,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _Record(False, time.monotonic() - started, f"did not end within {peer.minutes:g} minutes")
    seconds = time.monotonic() - started
    files.write_text(folder / "output.txt", done.stdout + done.stderr)
    if not (folder / "answer.json").is_file():
        return _Record(False, seconds, f"ended with status {done.returncode}: {last_line(done.stderr)}")
    told = documents.read(_Answer, folder / "answer.json")
    if told.refused or not model.is_file():
        return _Record(False, seconds, told.refused or "made no file")
    return _Record(True, seconds, told.note or "")


def _clean_environment() -> dict[str, str]:
    """This process's, without what would let a peer import packages of edgeall's environment."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
