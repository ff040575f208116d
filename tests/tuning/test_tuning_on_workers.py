"""A study on the workers of a Dask scheduler: the same trials, however many workers there are and whatever dies."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_backbone

pytest.importorskip("distributed", reason="needs edgeall[cluster]")

from training_workers import TrainingWorkers, training_workers

from edgeall.errors import UsageError
from edgeall.tuning import Tuned, tune

QUICK = small_backbone.settings(head_epochs=3, epochs=0, views=1, seed=5)
TRIALS = 5
pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingWorkers]:
    with training_workers(tmp_path_factory.mktemp("dask")) as workers:
        yield workers


def search(cells: Path, out: Path, trials: int = TRIALS, **options: object) -> Tuned:
    return tune(cells, QUICK, out, trials=trials, fixed={"head"}, **options)  # type: ignore[arg-type]


def rows(tuned: Tuned) -> list[dict[str, str]]:
    with (tuned.path / "trials.csv").open(newline="", encoding="utf-8") as file:
        return [
            {key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)
        ]


def test_trials_are_the_same_here_and_on_one_or_two_workers(
    workers: TrainingWorkers, cells: Path, tmp_path: Path
) -> None:
    here = search(cells, tmp_path / "here", at_once=2)
    one = search(cells, tmp_path / "one", at_once=2, scheduler=workers.address)
    workers.add()
    workers.epochs()
    two = search(cells, tmp_path / "two", at_once=2, scheduler=workers.address)
    assert rows(here) == rows(one) == rows(two)
    assert here.best == one.best == two.best
    assert len({process for process, _ in workers.epochs()}) == 2

    # With one worker killed in its second epoch, whose trial another one runs from its beginning.
    workers.kill_one()
    killed = search(cells, tmp_path / "killed", at_once=2, scheduler=workers.address)
    assert not workers.deaths_to_come()
    assert rows(killed) == rows(two)
    assert (killed.finished, killed.failed) == (TRIALS, 0)
    epochs = [epoch for _, epoch in workers.epochs()]
    assert [epochs.count(number) for number in range(3)] == [TRIALS + 1, TRIALS + 1, TRIALS]

    # A study goes on there as here, and keeps its number of trials at once.
    search(cells, tmp_path / "on", trials=3, at_once=2)
    went_on = search(cells, tmp_path / "on", scheduler=workers.address)
    assert rows(went_on) == rows(two)
    with pytest.raises(UsageError, match="begun with 2 trials at once"):
        search(cells, tmp_path / "on", at_once=1)
