"""A training that was interrupted goes on from its last kept epoch, and ends as if it had not been."""

import csv
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from drawn_cells import resumed_training

from edgeall.progress import SILENT
from edgeall.runs import Run
from edgeall.training import load_model
from edgeall.training.checkpoint import NO_CHECKPOINT, Checkpoint, TrainingState, key_of, values, variables
from edgeall.training.fit import Epoch, Phase, Truth, run_once, run_phase

PHASE = Phase("learning", epochs=6, rate=0.02, batch_size=8, patience=3, seed=4)


class Interrupted(Exception):
    pass


class Noted:
    """Listens to notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stage = SILENT.stage

    def note(self, text: str) -> None:
        self.notes.append(text)


class Noise:
    """A source without anything to learn, so that the best epoch is an early one and every step counts."""

    classes = np.arange(20) % 2
    truth = Truth(classes, np.ones(20, np.float32))

    def batch(self, epoch: int, indices: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(epoch)
        return rng.normal(0, 1, (20, 5)).astype(np.float32)[indices]


def model() -> keras.Model:
    """With all that has a state: weights, moving averages, dropout's random generator."""
    start = keras.initializers.GlorotUniform(1)
    tensor = inputs = keras.Input((5,))
    for layer in (
        keras.layers.Dense(6, kernel_initializer=start),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5, seed=7),
        keras.layers.Dense(1, "sigmoid", kernel_initializer=start),
    ):
        tensor = layer(tensor)
    return keras.Model(inputs, tensor)


def learn(
    trained: keras.Model,
    checkpoint: Checkpoint,
    *,
    stop: int | None = None,
    phase: Phase = PHASE,
    progress=SILENT,
) -> list[Epoch]:
    """The rows recorded; `stop` interrupts as soon as that epoch ended."""
    seen: list[Epoch] = []

    def record(row: Epoch) -> None:
        seen.append(row)
        if row.epoch == stop:
            raise Interrupted

    source = Noise()
    run_phase(trained, phase, source, source.truth, source.batch(99, np.arange(20)), source.truth, record, progress,
              checkpoint)  # fmt: skip
    return seen


def everything(trained: keras.Model) -> list[bytes]:
    return [array.tobytes() for array in values([*variables(trained), *trained.optimizer.variables])]


def timeless(rows: list[Epoch]) -> list[str]:
    return [repr(dataclasses.replace(row, seconds=0.0)) for row in rows]


@pytest.mark.parametrize(("stop", "patience"), [(1, 3), (2, 0), (5, 6)])
def test_going_on_is_the_same_as_never_having_stopped(tmp_path: Path, stop: int, patience: int) -> None:
    phase = dataclasses.replace(PHASE, patience=patience)
    whole = model()
    rows = learn(whole, NO_CHECKPOINT, phase=phase)
    checkpoint = Checkpoint(tmp_path, "mine", interval=0)
    if stop < len(rows):
        with pytest.raises(Interrupted):
            learn(model(), checkpoint, stop=stop, phase=phase)
    resumed, heard = model(), Noted()
    again = learn(resumed, checkpoint, phase=phase, progress=heard)
    assert timeless(again) == timeless(rows)
    assert everything(resumed) == everything(whole)
    # Epoch `stop` was over, but not yet kept.
    expected = [f"learning: resuming after epoch {stop - 1}, where training was interrupted"]
    assert heard.notes == (expected if 1 < stop < len(rows) else [])


def test_epochs_that_were_not_kept_are_computed_again(tmp_path: Path) -> None:
    whole = model()
    learn(whole, NO_CHECKPOINT)
    seldom = Checkpoint(tmp_path, "mine", interval=0)
    with pytest.raises(Interrupted):
        learn(model(), seldom, stop=2)
    with pytest.raises(Interrupted):
        learn(model(), dataclasses.replace(seldom, interval=1e9), stop=4)
    resumed, heard = model(), Noted()
    learn(resumed, seldom, progress=heard)
    assert heard.notes == ["learning: resuming after epoch 1, where training was interrupted"]
    assert everything(resumed) == everything(whole)


def test_a_finished_phase_is_not_done_again(tmp_path: Path) -> None:
    checkpoint, trained = Checkpoint(tmp_path, "mine", interval=0), model()
    first: list[Epoch] = []

    def train(to: keras.Model) -> Callable[[], list[Epoch]]:
        return lambda: learn(to, checkpoint)

    run_once("learning", trained, train(trained), first.append, SILENT, checkpoint)
    later, replayed, heard = model(), [], Noted()
    run_once("learning", later, pytest.fail, replayed.append, heard, checkpoint)
    assert [array.tobytes() for array in values(variables(later))] == [
        array.tobytes() for array in values(variables(trained))
    ]
    assert [row.epoch for row in replayed] == list(range(len(replayed)))
    assert len(replayed) > 1
    assert heard.notes == ["learning: was complete when training was interrupted"]


def test_another_training_starts_afresh_and_replaces_what_was_kept(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        learn(model(), Checkpoint(tmp_path, "other", interval=0), stop=3)
    mine, heard = Checkpoint(tmp_path, "mine", interval=0), Noted()
    learn(model(), mine, progress=heard)
    assert heard.notes == []
    assert mine.load("learning") is not None
    assert Checkpoint(tmp_path, "other").load("learning") is None


def test_a_damaged_state_is_as_good_as_none(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, "mine", interval=0)
    checkpoint.save("learning", TrainingState({}, {"model": [np.ones(100)]}))
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for damaged in (
        b"",
        content[:50],
        content[:-30],
        content.replace(np.float64(1).tobytes(), b"\0" * 8),
        b"x" * 99,
    ):
        path.write_bytes(damaged)
        assert checkpoint.load("learning") is None
    path.write_bytes(content)
    assert checkpoint.load("learning") is not None


def test_a_disk_that_takes_nothing_ends_no_training(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    heard = Noted()
    rows = learn(model(), Checkpoint(tmp_path / "file", "mine", interval=0), progress=heard)
    assert len(rows) > 3
    assert [note.partition(":")[0] for note in heard.notes] == [str(tmp_path / "file")]


def test_it_lies_hidden_beside_what_is_made_and_goes(tmp_path: Path) -> None:
    checkpoint = Checkpoint.beside(tmp_path / "runs" / "mine", "key")
    checkpoint.save("learning", TrainingState({}, {}))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [".mine.training"]
    checkpoint.clear()
    assert not list((tmp_path / "runs").iterdir())


def test_a_key_is_of_all_that_decides() -> None:
    assert key_of({"a": 1, "b": [2]}, "x") == key_of({"b": [2], "a": 1}, "x")
    assert len({key_of({"a": 1}, "x"), key_of({"a": 2}, "x"), key_of({"a": 1}, "y"), key_of({"a": 1})}) == 4


# A process that ends itself, as if by the kernel, as soon as so many epochs of a stage are over.
KILLED = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from edgeall.training import checkpoint
from drawn_cells import resumed_training

root, out, stage, epochs = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
checkpoint.INTERVAL = 0

class Listener:
    def note(self, text):
        print(text)

    @contextmanager
    def stage(self, title, total):
        done = 0
        def advance(steps):
            nonlocal done
            done += steps
            if title.endswith(stage) and done == epochs:
                sys.stdout.flush()
                os.kill(os.getpid(), signal.SIGKILL)
        yield advance

resumed_training(root, out, Listener())
"""


@pytest.mark.slow
def test_a_training_killed_in_each_phase_gives_the_model_of_an_undisturbed_one(
    cells: Path, tmp_path: Path, cache: Path
) -> None:
    def killed(stage: str, epochs: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(cells), str(tmp_path / "killed"), stage, str(epochs)],
            cwd=Path(__file__).parent, capture_output=True, text=True,
            env=os.environ | {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not list((tmp_path / "killed").glob("*/run.json"))
        return done.stdout

    assert "resuming" not in killed("head", 2)
    heard = killed("fine-tuning", 1)
    assert "head: resuming after epoch 2, where training was interrupted" in heard
    listener = Noted()
    resumed = resumed_training(cells, tmp_path / "killed", listener)
    assert [note.partition(": ")[2] for note in listener.notes[-2:]] == [
        "head: was complete when training was interrupted",
        "fine-tuning: resuming after epoch 1, where training was interrupted",
    ]
    undisturbed = resumed_training(cells, tmp_path / "whole", SILENT)
    one, other = load_model(resumed).get_weights(), load_model(undisturbed).get_weights()
    assert [array.tobytes() for array in one] == [array.tobytes() for array in other]
    assert resumed.metrics == undisturbed.metrics
    assert untimed(resumed) == untimed(undisturbed)
    assert not (tmp_path / "killed" / f".{resumed.name}.training").exists()


def untimed(run: Run) -> list[dict[str, str]]:
    with (run.path / "history.csv").open(newline="") as file:
        return [row | {"seconds": ""} for row in csv.DictReader(file)]
