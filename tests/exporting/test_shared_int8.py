"""The shared INT8 model in a worker: its own temperature, methods that come to nothing, and what is taken over."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import recorded_workers

from edgeall import runs
from edgeall.errors import ExportError
from edgeall.exporting import calibration_images, int8
from edgeall.exporting.recipes import FineTuning
from edgeall.exporting.shared_int8 import simulated
from edgeall.exporting.source_models import Sources
from edgeall.exporting.worker_pool import WorkerPool
from edgeall.statistics import fit_scale

KEY = "0" * 64


@dataclasses.dataclass
class Bench:
    """A run's sources, and workers to quantize them in."""

    workers: WorkerPool
    run: runs.Run
    folder: Path
    tuning: FineTuning = dataclasses.field(default_factory=lambda: FineTuning(images=16, epochs=1))

    def make(self, method: str, with_images: bool = True) -> float:
        """Seconds."""
        run, labels = self.run, self.run.decision.labels
        material = {
            "folder": str(self.folder / "kept"),
            "key": KEY,
            "calibration": str(self.folder / "calibration.npy"),
            "training": str(self.folder / "calibration.npy") if with_images else None,
            "classes": [labels.index(member.label) for member in run.split.train],
            "fine_tuning": dataclasses.asdict(self.tuning),
        }
        truth = [labels.index(member.label) for member in run.split.val]
        report, _ = self.workers.run_step(
            "quantize", run, self.folder, material=material, method=method, truth=truth
        )
        return float(report["seconds"])

    def file(self, method: str) -> Path:
        return self.folder / "kept" / f"{KEY[:20]}-{method}.npz"


@pytest.fixture(scope="module")
def bench(trained: runs.Run, records: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    sources = Sources(folder, trained.pixels)
    calibration_images.decode(trained, "val", trained.split.val, sources.images())
    calibration_images.decode(trained, "train", trained.split.train, folder / "calibration.npy")
    with WorkerPool(1) as workers:
        with recorded_workers.recorded(records):
            workers.run_step("reference", trained, folder, freeze_graph=False)
        yield Bench(workers, trained, folder)


def test_training_needs_images(bench: Bench) -> None:
    with pytest.raises(ExportError, match="--data DIR"):
        bench.make("fine-tuning", with_images=False)
    assert not bench.file("fine-tuning").exists()


def test_a_model_is_taken_over_for_the_images_that_it_was_judged_on(bench: Bench) -> None:
    bench.file("bias-correction").unlink(missing_ok=True)
    beside = bench.file("bias-correction").with_suffix(".json")
    beside.unlink(missing_ok=True)
    assert bench.make("bias-correction") > 0
    assert bench.make("bias-correction") == 0
    document = json.loads(beside.read_text())
    beside.write_text(json.dumps(document | {"selection": "0" * 64}))
    assert bench.make("bias-correction") > 0
    assert json.loads(beside.read_text()) == document


def test_the_model_has_a_temperature_of_its_own(bench: Bench) -> None:
    """What it answers has the likeliest scale already; the factor is recorded."""
    bench.make("bias-correction")
    answers, factor = simulated(bench.file("bias-correction"))
    model = int8.load(bench.file("bias-correction"))
    images = np.load(Sources(bench.folder, bench.run.pixels).images())
    logits = int8.simulated_logits(model, images, bench.run.pixels)
    truth = np.array(bench.run.class_indices("val"))
    assert factor != 1.0
    assert fit_scale(logits.astype(np.float64), truth) == pytest.approx(1.0, abs=0.02)
    np.testing.assert_allclose(int8.probabilities(model, logits)[:, 0], answers[:, 1], atol=1e-6)
