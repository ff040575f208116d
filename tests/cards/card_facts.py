"""Facts of artifacts for any story, made of the same types as `gather` makes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bench_documents import document, result

from edgeall import results, runs
from edgeall.artifact import (
    Artifact,
    ClassTest,
    Decision,
    Metadata,
    Parity,
    Provenance,
    Share,
    TensorInfo,
    Tensors,
    TestFigures,
)
from edgeall.cards import Facts
from edgeall.cards.facts import File
from edgeall.pixels import PixelMapping

SHA256 = "a" * 64
PIXELS = PixelMapping(224, "RGB", (1 / 255,) * 3, (0.0,) * 3)
DECISION = Decision(("hem", "all"), ("all",), 0.6)
TESTED = TestFigures(
    of="the Keras model",
    grouped_by="subject",
    threshold=0.6,
    positive=ClassTest(Share(0.9, 0.7, 0.98), 30, 3),
    negative=ClassTest(Share(0.8, 0.5, 0.95), 20, 2),
    subjects=5,
)
PARITY = Parity(
    66, 0.97, 0.05, 0.01, True, auc_delta=-0.002, auc_delta_low=-0.011, auc_delta_high=0.004, over="images"
)


def metadata(**changes: Any) -> Metadata:
    """Of an INT8 TFLite file of MobileNetV2, trained on C-NMC."""
    made = {
        "run": "mobile",
        "backbone": "mobilenetv2",
        "head": "gap",
        "weights": "ImageNet weights",
        "data": "C-NMC",
        "data_fingerprint": "0" * 64,
        "licence": "Apache-2.0 (Google)",
        "versions": {"keras": "3.15.1"},
    }
    made |= {name: changes.pop(name) for name in list(changes) if name in made}
    shape = TensorInfo("images", (1, 224, 224, 3), "float32")
    whole = Metadata(
        "tflite",
        "int8",
        PIXELS,
        DECISION,
        Provenance(**made),  # type: ignore[arg-type]
        parity=PARITY,
        quantization={"method": "gptq"},
        tensors=Tensors(shape, TensorInfo("probabilities", (1, 1), "float32")),
        test=TESTED,
    )
    return replace(whole, **changes)


def facts(*documents: dict[str, Any], run: runs.Run | None = None, **changes: Any) -> Facts:
    """Facts of the artifact `mobile_tflite-int8.tflite`, measured as the bench `documents` say."""
    read = Artifact(Path("exports/mobile_tflite-int8.tflite"), metadata(**changes), SHA256, 2_700_000)
    benches = results.merge([(f"{index}.json", each) for index, each in enumerate(documents)])
    return Facts(read, (File(read.path.name, "b" * 64, 2_700_000),), run, benches)


def bench(device: str = "laptop", **changes: Any) -> dict[str, Any]:
    """A bench of that artifact: 22 test images of 6 subjects, two of them wrong."""
    given = {"wrong": [3, 15], "subjects": 6, "sha256": SHA256, "precision": "int8"} | changes
    return document([result(**given)], device)


def run(folder: Path) -> runs.Run:
    """A run whose split has one image of each label and subject in each part."""
    members = [
        runs.Member(
            f"{label}{number}.png", f"{number}".zfill(63) + label[0].replace("h", "b"), label, f"s{number}"
        )
        for number in range(3)
        for label in ("hem", "all")
    ]
    train, val, test = (tuple(members[2 * part : 2 * part + 2]) for part in range(3))
    return runs.Run(
        folder,
        "mobilenetv2",
        "gap",
        "ImageNet weights",
        "Apache-2.0 (Google)",
        7,
        PIXELS,
        DECISION,
        runs.DataSource(folder, "C-NMC", runs.fingerprint(train)),
        runs.Split(train, val, test, "subject"),
        {"total": 2_259_265, "trainable": 1, "non_trainable": 2_259_264},
        settings={"epochs": 4, "patience": 5, "balanced": True, "weights": "/somewhere/else/weights.h5"},
    )
