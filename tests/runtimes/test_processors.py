"""The same files on other processors: each engine's answers stay near Keras', and nothing computes in bfloat16.

OpenVINO and TensorFlow obey `ONEDNN_MAX_CPU_ISA`, which takes instructions away. LiteRT and ONNX Runtime ask the
processor itself, so they run on one that QEMU emulates. Neither can add what this processor lacks.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from small_models import SmallModel

EMULATOR = shutil.which("qemu-x86_64")
EMULATED = {"AVX2, no AVX-512, no VNNI": "Haswell", "SSE4.2, no AVX": "Westmere"}
LIMITS = (
    "SSE41",
    "AVX2",
    "AVX2_VNNI",
    "AVX512_CORE",
    "AVX512_CORE_VNNI",
    "AVX512_CORE_BF16",
    "AVX512_CORE_AMX",
)
TOLERANCE = {"fp32": 5e-4, "fp16": 2e-3, "int8": 0.05}
"""Mean difference from the Keras model's probabilities."""

SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
from edgeall.pixels import PixelMapping
from edgeall.runtimes import onnx_providers, open_model

given = json.loads(sys.argv[1])
if given["emulated"]:
    # QEMU shows programs the real machine's /proc/cpuinfo, where edgeall looks for VNNI.
    onnx_providers.saturates = lambda: True
images = np.load(given["images"])
for name, (path, format, precision) in given["models"].items():
    with open_model(Path(path), format, PixelMapping(**given["pixels"]), precision=precision) as session:
        ran = session.executed_precision().operators
        print(json.dumps([name, session.predict(images).tolist(), sorted(ran)]))
"""


def answers(
    model: SmallModel, recipes: Sequence[str], folder: Path, before: Sequence[str] = (), **environment: str
) -> dict[str, tuple[np.ndarray, list[str]]]:
    """Probabilities and executed precisions of each recipe's file, from a process of its own."""
    np.save(folder / "images.npy", model.images)
    pixels = {"size": model.pixels.size, "channel_order": model.pixels.channel_order}
    pixels |= {"scale": model.pixels.scale, "offset": model.pixels.offset}
    models = {recipe: (str(model.files[recipe]), *model.kind(recipe)) for recipe in recipes}
    images = str(folder / "images.npy")
    given = json.dumps({"images": images, "models": models, "pixels": pixels, "emulated": bool(before)})
    # NumPy's matrix products are not asked for; a kernel set by the user may be more than the processor has.
    without = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    done = subprocess.run(
        [*before, sys.executable, "-c", SCRIPT, given],
        env=without | environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {name: (np.array(probabilities), ran) for name, probabilities, ran in rows}


def check(model: SmallModel, found: dict[str, tuple[np.ndarray, list[str]]], recipes: Sequence[str]) -> None:
    assert list(found) == list(recipes)
    for recipe, (probabilities, ran) in found.items():
        far = np.abs(probabilities - model.reference).mean()
        assert far < TOLERANCE[recipe.rpartition("-")[2]], f"{recipe}: {far}"
        assert "bfloat16" not in ran, recipe


@pytest.mark.parametrize("limit", LIMITS)
def test_openvino_with_fewer_instructions(tiny: SmallModel, tmp_path: Path, limit: str) -> None:
    recipes = [recipe for recipe in tiny.files if recipe.startswith("openvino")]
    check(tiny, answers(tiny, recipes, tmp_path, ONEDNN_MAX_CPU_ISA=limit), recipes)


@pytest.mark.skipif(
    EMULATOR is None, reason="needs qemu-x86_64 (Debian: qemu-user) to emulate another processor"
)
@pytest.mark.parametrize("processor", EMULATED.values(), ids=EMULATED)
def test_every_engine_on_an_emulated_processor(tiny: SmallModel, tmp_path: Path, processor: str) -> None:
    assert EMULATOR is not None
    recipes = list(tiny.files)
    check(tiny, answers(tiny, recipes, tmp_path, (EMULATOR, "-cpu", processor)), recipes)
