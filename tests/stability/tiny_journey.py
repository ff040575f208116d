"""The whole journey with a backbone of two convolutions: every kind of document, by the command line, in a minute.

Nothing here knows a version of edgeall: `make_samples.py` runs it with earlier ones. The working folder is the place
where all is made, and paths are relative to it, so that documents name no machine.
"""

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE = 32
SHORT = (
    "--rounds",
    "2",
    "--threads",
    "1",
    "--min-runs",
    "12",
    "--min-seconds",
    "0.001",
    "--max-seconds",
    "5",
)
TRAINING = (
    "--backbone",
    "tiny",
    "--epochs",
    "1",
    "--head-epochs",
    "30",
    "--views",
    "1",
    "--input-size",
    str(SIZE),
)


def draw_cells(folder: Path) -> None:
    """PNG images named as those of C-NMC: 12 people, six images each, leukaemic cells darker and larger."""
    rng = np.random.default_rng(0)
    for label, mark in (("all", ""), ("hem", "H")):
        (folder / "fold_0" / label).mkdir(parents=True)
        for person in range(1, 7):
            for image in range(1, 7):
                name = f"UID_{mark}{person}_{image}_1_{label}.png"
                _cell(rng, leukaemic=label == "all").save(folder / "fold_0" / label / name)


def draw_kinds(folder: Path) -> None:
    """PNG images of three classes, by folder, of unknown people."""
    rng = np.random.default_rng(1)
    for kind, label in enumerate(("benign", "early", "pre")):
        (folder / label).mkdir(parents=True)
        for image in range(16):
            _cell(rng, leukaemic=kind > 0, blue=kind * 40).save(folder / label / f"{label}{image:02}.png")


def _cell(rng: np.random.Generator, *, leukaemic: bool, blue: int = 0) -> Image.Image:
    pixels = rng.normal(225, 5, (40, 40, 3))
    y, x = np.mgrid[:40, :40]
    inside = (x - rng.uniform(16, 24)) ** 2 + (y - rng.uniform(16, 24)) ** 2 < rng.normal(
        13 if leukaemic else 11, 2
    ) ** 2
    colour = rng.normal((95, 60, 130) if leukaemic else (130, 90, 150), 18) + np.array([0, 0, blue])
    pixels[inside] = colour + rng.normal(0, 5, (inside.sum(), 3))
    # Few levels make small files.
    return Image.fromarray((pixels.clip(0, 255) // 16 * 16).astype(np.uint8))


@contextlib.contextmanager
def tiny_backbone() -> Iterator[None]:
    """The table of backbones has the row "tiny"."""
    import keras

    from edgeall.training.backbones import BACKBONES, Backbone

    keras.applications.Tiny = _tiny
    BACKBONES["tiny"] = Backbone(
        "tiny", "Tiny", "Tiny", "tf", (7, 7, 8), 968, 32, "relu_1", 584, "all", "none", least_size=SIZE
    )
    yield
    del BACKBONES["tiny"], keras.applications.Tiny


def _tiny(*, input_tensor: Any, **_: Any) -> Any:
    import keras
    from keras import layers

    x = input_tensor
    for number in (1, 2):
        x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name=f"conv_{number}")(x)
        x = layers.BatchNormalization(name=f"norm_{number}")(x)
        x = layers.ReLU(6.0, name=f"relu_{number}")(x)
    return keras.Model(input_tensor, x)


def edgeall(*words: str, statuses: Sequence[int] = (0,)) -> None:
    """The command line, in this process.

    Raises:
        AssertionError: it ends with another status than `statuses`.
    """
    from edgeall.cli.main import main

    status = main(list(words))
    assert status in statuses, f"status {status} of: edgeall {' '.join(words)}"


def train_cells() -> None:
    """The run `runs/cells`: two classes, split by subject, a referral band; its split is in `split.json`."""
    draw_cells(Path("cells"))
    edgeall("data", "split", "cells", "-o", "split.json")
    band = ("--min-sensitivity", "0.9", "--min-specificity", "0.9")
    edgeall("train", "cells", *TRAINING, *band, "--split", "split.json", "--name", "cells")


def export_cells() -> None:
    """Float32 and INT8 artifacts of `runs/cells` in all formats, whether or not they pass their gate."""
    edgeall("export", "runs/cells", "--int8", statuses=(0, 1))


def bench(*paths: str) -> None:
    """`bench/laptop.json` of runs or an ensemble, whether or not each measurement can be had."""
    options = ("--device", "laptop", "--batch", "2", "--cross-check", *SHORT)
    edgeall("bench", *paths, *options, statuses=(0, 1))


def kinds() -> None:
    """The run `runs/kinds`, of three classes, exported and benched."""
    draw_kinds(Path("kinds"))
    edgeall("train", "kinds", *TRAINING, "--positive", "early", "pre", "--name", "kinds")
    edgeall("export", "runs/kinds", "--int8", "--format", "onnx", statuses=(0, 1))
    bench("runs/kinds")


def folds(name: str, seed: int) -> None:
    """The pooled folds `runs/<name>.folds`."""
    edgeall("train", "cells", *TRAINING, "--folds", "2", "--seed", str(seed), "--name", name)


def ensemble() -> None:
    """The ensemble `runs/both` of `runs/cells` and `runs/second`."""
    edgeall("train", "cells", *TRAINING, "--split", "split.json", "--seed", "1", "--name", "second")
    edgeall("ensemble", "runs/cells", "runs/second", "--name", "both")


def imports_fit() -> bool:
    """Whether `import` knows other ways than stretching to make a square of a picture."""
    from edgeall.cli.main import main

    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        main(["import", "--help"])
    return "--fit" in text.getvalue()


def brought() -> None:
    """The run `runs/brought`, imported, of letterboxed pictures: its artifacts have schema 2."""
    edgeall(
        *("import", "runs/cells/model.keras", "--labels", "hem,all", "--positive", "all"),
        *("--preprocessing", "tf", "--fit", "letterbox", "--data", "cells", "--name", "brought"),
    )
    edgeall("export", "runs/brought", "--format", "onnx,tflite")
