"""The shared INT8 model in a worker: methods that come to nothing, and what is taken over from earlier work."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeall import runs
from edgeall.exporting import calibration_images
from edgeall.exporting.recipes import FineTuning, Tolerance
from edgeall.exporting.sources import Sources
from edgeall.exporting.worker_pool import WorkerPool

NOTHING_KEEPS = Tolerance(images=8, mean_abs_diff=0.0)


@dataclasses.dataclass
class Bench:
    """A run's sources, and a workers to quantize them in."""

    workers: WorkerPool
    run: runs.Run
    folder: Path
    tuning: FineTuning = dataclasses.field(default_factory=lambda: FineTuning(images=16, epochs=1))

    def try_out(self, methods: list[str], *tolerances: Tolerance) -> list[dict[str, Any]]:
        val, train = self.run.split.val, self.run.split.train
        material = {
            "folder": str(self.folder / "kept"),
            "key": "0" * 64,
            "calibration": str(self.folder / "calibration.npy"),
            "training": str(self.folder / "calibration.npy"),
            "classes": [self.run.decision.labels.index(member.label) for member in train],
            "fine_tuning": dataclasses.asdict(self.tuning),
        }
        report, _ = self.workers.do(
            "quantize",
            self.run,
            self.folder,
            material=material,
            methods=methods,
            tolerances=[dataclasses.asdict(each) for each in tolerances or (NOTHING_KEEPS,)],
            truth=[member.label in self.run.decision.positive for member in val],
        )
        return list(report["attempts"])


@pytest.fixture(scope="module")
def bench(trained: runs.Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    calibration_images.decode(trained, "val", trained.split.val, Sources(folder, trained.pixels).images)
    calibration_images.decode(trained, "train", trained.split.train, folder / "calibration.npy")
    with WorkerPool(1) as workers:
        workers.do("answer", trained, folder, freezes=False)
        yield Bench(workers, trained, folder)


def test_a_method_that_comes_to_nothing_is_not_the_last(bench: Bench) -> None:
    diverging = dataclasses.replace(bench.tuning, learning_rate=float("inf"), epochs=3)
    diverges, other = dataclasses.replace(bench, tuning=diverging).try_out(["fine-tuning", "mse"])
    assert (diverges["method"], diverges["parity"]) == ("fine-tuning", None)
    assert "not finite" in diverges["error"]
    assert other["method"] == "mse"
    assert other["parity"]["n"] == 8


def test_answers_are_taken_over_for_the_images_they_were_given_for(bench: Bench) -> None:
    (first,) = bench.try_out(["min-max"])
    (again,) = bench.try_out(["min-max"])
    assert first["seconds"] > 0
    assert again == first | {"seconds": 0}
    # Asked about fewer images, it is computed for these.
    (fewer,) = bench.try_out(["min-max"], dataclasses.replace(NOTHING_KEEPS, images=4))
    assert fewer["parity"]["n"] == 4
    assert fewer["seconds"] > 0
    (kept,) = (bench.folder / "kept").glob("*-min-max.json")
    document = json.loads(kept.read_text())
    kept.write_text(json.dumps(document | {"selection": "0" * 64}))
    (anew,) = bench.try_out(["min-max"], dataclasses.replace(NOTHING_KEEPS, images=4))
    assert anew["seconds"] > 0
    assert anew["parity"] == fewer["parity"]


def test_each_recipe_is_judged_on_as_many_images_as_it_asks_for(bench: Bench) -> None:
    (attempt,) = bench.try_out(
        ["percentile"], dataclasses.replace(NOTHING_KEEPS, images=3), Tolerance(8, 1.0)
    )
    assert attempt["parity"]["n"] == 3
    assert not attempt["parity"]["passed"]
