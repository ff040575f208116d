"""What a worker must have in common with the client before it trains."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import small_backbone

from edgeall import files
from edgeall.errors import ClusterError, DatasetError, UsageError
from edgeall.runs import Member
from edgeall.training import workers
from edgeall.training.workers import (
    Answer,
    Conditions,
    UntilUnwanted,
    check_images,
    check_weights,
    portable_weights,
    processor_note,
)


@pytest.fixture(autouse=True)
def mock_worker(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A mock of Dask's worker: its address, and the states of its tasks."""
    tasks = {"fold": SimpleNamespace(state="executing")}
    worker = SimpleNamespace(
        address="tcp://far:1", get_current_task=lambda: "fold", state=SimpleNamespace(tasks=tasks)
    )
    monkeypatch.setattr(workers, "_worker", lambda: worker)
    return worker


_IMPOSE = """
import json, os, sys
from types import SimpleNamespace
from edgeall.training import workers
workers._worker = lambda: SimpleNamespace(address="tcp://far:1")
for given in json.loads(sys.argv[1]):
    try:
        with workers.Conditions(given, json.loads(sys.argv[2])).imposed():
            import keras
            print(os.environ.get("TF_NUM_INTRAOP_THREADS"), keras.backend.backend())
    except Exception as error:
        print(error)
"""


def test_threads_are_the_clients_until_something_was_computed_with_others() -> None:
    """In a process of its own, which has not loaded Keras."""
    of = [{"TF_NUM_INTRAOP_THREADS": n, "KERAS_BACKEND": None} for n in ("3", "3", "2")]
    versions = dict(Conditions.here().versions)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_NUM")}
    command = [sys.executable, "-c", _IMPOSE, json.dumps(of), json.dumps(versions)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert said.splitlines() == [
        "3 tensorflow",
        "3 tensorflow",
        "worker tcp://far:1 has trained with TF_NUM_INTRAOP_THREADS=3, and this command has 2, which changes the bits "
        "of results: start the worker again",
    ]


def test_a_worker_with_other_libraries_is_refused() -> None:
    here = Conditions.here()
    other = Conditions({}, {**here.versions, "numpy": "0.1"})
    with (
        pytest.raises(ClusterError, match=r"worker tcp://far:1 has numpy .*, and this command 0\.1"),
        other.imposed(),
    ):
        pass
    with Conditions({}, here.versions).imposed():
        pass


def test_images_that_a_worker_does_not_see_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"a")
    member = Member("a.png", files.sha256_file(tmp_path / "a.png"), "healthy")
    check_images(tmp_path, [member])
    with pytest.raises(DatasetError, match=r"worker tcp://far:1: .*b\.png cannot be read there"):
        check_images(tmp_path, [member, Member("b.png", member.sha256, "healthy")])
    (tmp_path / "b.png").write_bytes(b"b")
    with pytest.raises(DatasetError, match=r"b\.png is another image there"):
        check_images(tmp_path, [member, Member("b.png", member.sha256, "healthy")])


def test_weights_are_the_same_file_there(tmp_path: Path) -> None:
    path = tmp_path / "start.weights.h5"
    path.write_bytes(b"weights")
    settings = small_backbone.settings(weights=str(path))
    sha256 = portable_weights(settings)
    check_weights(settings, sha256)
    path.write_bytes(b"others")
    with pytest.raises(UsageError, match="is missing there, or is another file"):
        check_weights(settings, sha256)
    usual = small_backbone.settings()
    assert portable_weights(usual) is None
    check_weights(usual, None)


@pytest.mark.parametrize("after", ["cancelled", None])
def test_a_training_that_nobody_wants_ends(mock_worker: SimpleNamespace, after: str | None) -> None:
    progress = UntilUnwanted()
    with progress.stage("head", 3) as advance:
        advance(1)
        if after is None:
            del mock_worker.state.tasks["fold"]
        else:
            mock_worker.state.tasks["fold"].state = after
        with pytest.raises(ClusterError, match="has ended"):
            advance(1)


def test_another_processor_is_told_once() -> None:
    known = {"this one"}
    assert processor_note(Answer(None, "worker a", "this one"), known) is None
    assert "worker b has another kind of processor (other)" in str(
        processor_note(Answer(None, "worker b", "other"), known)
    )
    assert processor_note(Answer(None, "worker c", "other"), known) is None
