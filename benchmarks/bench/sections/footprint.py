"""Installed size and memory of what classifies a picture: edgeall's field tier, Ultralytics, TensorFlow."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from classify_speed import SIZE as PICTURE_SIZE
from classify_speed import draw, took

from bench import samples
from bench.environments import provide
from bench.ratios import exact, ratio
from bench.rounds import Figures
from bench.section import Bench, Goal, Row
from edgeall.errors import EdgeallError

NAME = "footprint"
TITLE = "Installed size and memory"
SIZE = 224
"""Pixels of the models' inputs."""
ABOUT = f"""What a device needs to classify pictures: `pip install` of this checkout, which is the field tier, beside
that of Ultralytics and of TensorFlow, each in an environment of its own. Size is the bytes of all files in the
environment less those of an empty one. Memory is the peak of resident bytes of a process that classifies one picture of
{PICTURE_SIZE[0]} x {PICTURE_SIZE[1]} pixels, with a model for {SIZE} pixels: `edgeall classify` with MobileNetV2 in
TFLite, float32; in TensorFlow the Keras model of the same run; in Ultralytics its smallest classifier, YOLO11n-cls,
with random weights.

Goal: less than each other."""


@dataclass(frozen=True)
class Peer:
    """What else classifies pictures.

    Attributes:
        requirements: for pip.
        script: Python with one picture as its argument, and a model file where it needs one.
        only_for_cards: patterns below site-packages of files that serve NVIDIA's cards alone. Wheels for devices
            without such cards do not have them.
    """

    title: str
    requirements: tuple[str, ...]
    script: str
    only_for_cards: tuple[str, ...] = ()


PEERS = {
    "ultralytics": Peer(
        "Ultralytics",
        ("ultralytics==8.4.190",),
        f"""
import os, sys
os.environ |= dict(YOLO_CONFIG_DIR=os.path.dirname(__file__), YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false")
from ultralytics import YOLO
[result] = YOLO("yolo11n-cls.yaml").predict(sys.argv[1], imgsz={SIZE}, device="cpu", verbose=False, save=False)
print(float(result.probs.top1conf))
""",
        ("nvidia*", "cuda*", "triton*", "torch/lib/*cuda*", "torch/lib/*nvshmem*", "torch/lib/*cusparse*"),
    ),
    "tensorflow": Peer(
        "TensorFlow",
        ("tensorflow-cpu==2.21.0", "pillow==13.0.0"),
        f"""
import sys
import keras
import numpy as np
model = keras.saving.load_model(sys.argv[2], compile=False)
picture = keras.utils.load_img(sys.argv[1], target_size=({SIZE}, {SIZE}))
print(float(model.predict(np.asarray(picture, np.float32)[None] / 127.5 - 1, verbose=0)[0, 0]))
""",
    ),
}


def lacking(options: Mapping[str, Path], shared: Path) -> str | None:
    return None


def basis(options: Mapping[str, Path], quick: bool) -> Mapping[str, str]:
    return {
        "run": samples.name_of({}, False),
        **{name: " ".join(peer.requirements) for name, peer in PEERS.items()},
    }


def measure(bench: Bench) -> Iterator[Row]:
    from bench.orchestrator import PROJECT, code_digest

    def python(name: str, requirements: Sequence[str], state: str = "") -> Path:
        found = provide(name, requirements, bench.shared / "environments", bench.say, state)
        if found.refused is not None:
            raise EdgeallError(f"{name} cannot be installed: {found.refused}")
        versions = "".join(f"{package}=={version}\n" for package, version in found.versions.items())
        (bench.folder / f"{name}.txt").write_text(versions, encoding="utf-8")
        return found.python

    ours = python("edgeall", [str(PROJECT)], code_digest(PROJECT / "edgeall"))
    others = {name: python(name, peer.requirements) for name, peer in PEERS.items()}
    empty = python("empty", ["pip"])
    size = size_of(ours) - size_of(empty)
    for name, peer in PEERS.items():
        whole = size_of(others[name]) - size_of(empty)
        for_cards = size_of(others[name], peer.only_for_cards) if peer.only_for_cards else 0
        if for_cards:
            yield Row(
                "installed size", size / 1e6, whole / 1e6, peer.title, "MB", exact(size, whole), 0,
                note=f"as pip installs {peer.title} here, with what serves NVIDIA's cards",
            )  # fmt: skip
        rest = whole - for_cards
        what = "installed size, without what serves NVIDIA's cards" if for_cards else "installed size"
        yield Row(what, size / 1e6, rest / 1e6, peer.title, "MB", exact(size, rest), 0, Goal(most=1))

    commands = _commands(bench, ours, others)
    count = 3 if bench.quick else 10
    found = bench.rounds.measure(
        "one picture",
        count,
        {name: lambda command=command: _took(command) for name, command in commands.items()},
    )
    for key, unit, scale, what in (
        ("peak_bytes", "MB", 1e6, "peak memory, one picture"),
        ("seconds", "s", 1, "time from start to end, one picture"),
    ):
        mine = [each[key] for each in found["edgeall"]]
        for name, peer in PEERS.items():
            theirs = [each[key] for each in found[name]]
            yield Row(
                what, median(mine) / scale, median(theirs) / scale, peer.title, unit, ratio(mine, theirs),
                count, Goal(most=1),
            )  # fmt: skip


def size_of(python: Path, patterns: Sequence[str] | None = None) -> int:
    """Bytes of the files of an environment, or of those below its site-packages that match; links not followed."""
    if patterns is None:
        return _bytes(python.parent.parent)
    [packages] = (python.parent.parent / "lib").glob("python*/site-packages")
    return sum(_bytes(path) for pattern in patterns for path in packages.glob(pattern))


def _bytes(path: Path) -> int:
    if path.is_file() and not path.is_symlink():
        return path.stat().st_size
    return sum(
        each.lstat().st_size
        for folder, _, names in os.walk(path)
        for each in (Path(folder, name) for name in names)
        if not each.is_symlink()
    )


def _commands(bench: Bench, ours: Path, others: Mapping[str, Path]) -> dict[str, list[str]]:
    model = samples.made_run(bench, SIZE)
    exported = model / "exports" / f"{model.name}_tflite-fp32.tflite"
    if not exported.exists():
        samples.edgeall("export", str(model), "--recipe", "tflite-fp32", good=(0, 1))
    pictures = bench.folder / "pictures"
    if not pictures.exists():
        draw(pictures, 1)
    picture = str(next(pictures.glob("*.jpg")))
    commands = {
        "edgeall": [
            str(ours.with_name("edgeall")),
            "classify",
            picture,
            "--model",
            str(exported),
            "--json",
            "--force",
        ]
    }
    for name, peer in PEERS.items():
        script = bench.folder / f"classify_with_{name}.py"
        script.write_text(peer.script.lstrip(), encoding="utf-8")
        commands[name] = [str(others[name]), str(script), picture, str(model / "model.keras")]
    return commands


def _took(command: Sequence[str]) -> Figures:
    turn = took(command)
    return {"peak_bytes": float(turn.peak), "seconds": turn.elapsed}
