"""Folds on the workers of a Dask scheduler: the runs that this process would have trained, whatever dies."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_backbone
from drawn_people import draw_people

pytest.importorskip("distributed", reason="needs edgeall[cluster]")

from training_workers import TrainingWorkers, training_workers

from edgeall.datasets import read_dataset
from edgeall.errors import RunError, UsageError
from edgeall.training import cross_validate, load_model
from edgeall.training.folds import Pooled, _seen

QUICK = small_backbone.settings(head_epochs=3, epochs=1, views=1, seed=3)
K = 3
pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingWorkers]:
    with training_workers(tmp_path_factory.mktemp("dask")) as workers:
        workers.add()
        yield workers


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_people(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def here(small: str, people: Path, tmp_path_factory: pytest.TempPathFactory) -> Pooled:
    """Trained by this process, one fold after the other."""
    return cross_validate(people, QUICK, K, tmp_path_factory.mktemp("here"), name="mine")


def same_bytes(one: Pooled, other: Pooled) -> bool:
    """Whether weights, predictions and figures are equal, to the last bit."""
    for run, twin in zip(one.runs, other.runs, strict=True):
        weights = zip(load_model(run).get_weights(), load_model(twin).get_weights(), strict=True)
        if not all(ours.tobytes() == theirs.tobytes() for ours, theirs in weights):
            return False
    files = ["pooled.json", "predictions.csv", *(f"fold-{n + 1}/run.json" for n in range(K))]
    files += [f"fold-{n + 1}/predictions.csv" for n in range(K)]
    return all((one.path / name).read_bytes() == (other.path / name).read_bytes() for name in files)


def test_folds_of_workers_are_those_of_this_process(
    workers: TrainingWorkers, people: Path, here: Pooled, tmp_path: Path
) -> None:
    there = cross_validate(people, QUICK, K, tmp_path, name="mine", scheduler=workers.address)
    assert same_bytes(here, there)
    assert sorted(path.name for path in there.path.iterdir()) == sorted(
        path.name for path in here.path.iterdir()
    )

    # Finished folds are taken as they are.
    (there.path / "pooled.json").unlink()
    shutil.rmtree(there.path / "fold-2")
    workers.epochs()
    again = cross_validate(people, QUICK, K, tmp_path, name="mine", scheduler=workers.address)
    assert same_bytes(here, again)
    assert [epoch for _, epoch in workers.epochs()] == [0, 1, 2, 0]


def test_the_fold_of_a_killed_worker_is_taken_up_from_its_checkpoint(
    workers: TrainingWorkers, people: Path, here: Pooled, tmp_path: Path
) -> None:
    workers.epochs()
    workers.kill_one()
    there = cross_validate(people, QUICK, K, tmp_path, name="mine", scheduler=workers.address)
    assert not workers.deaths_to_come()
    assert same_bytes(here, there)
    # The second epoch of one fold was begun twice, and none of the first ones.
    epochs = [epoch for _, epoch in workers.epochs()]
    assert [epochs.count(number) for number in range(3)] == [2 * K, K + 1, K]


def test_runs_that_are_not_seen_here_are_said_to_be(here: Pooled, people: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="workers need the folder of runs under the same path"):
        _seen(tmp_path / "fold-1", read_dataset(people), here.runs[0].split, QUICK)


def test_weights_of_a_relative_path_are_refused(
    workers: TrainingWorkers, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("start.weights.h5").touch()
    settings = small_backbone.settings(weights="start.weights.h5")
    with pytest.raises(UsageError, match=f"give the whole path, {tmp_path}"):
        cross_validate(people, settings, K, tmp_path, name="mine", scheduler=workers.address)
