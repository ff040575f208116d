"""`edgeall.cluster.connect`: functions on the workers of a Dask scheduler, or on threads of this process."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

pytest.importorskip("distributed", reason="needs edgeall[cluster]")

import calls
import dask as dask_library
from dask_processes import DaskProcesses
from distributed import Client

import edgeall
from edgeall.cluster import Cluster, WorkersKilled, connect, scheduler
from edgeall.errors import ClusterError, MissingExtraError, TrainingError


class Notes:
    """A progress that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)

    def stage(self, title: str, total: int) -> object:
        raise NotImplementedError


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    with DaskProcesses(tmp_path_factory.mktemp("dask")) as processes:
        processes.add_workers()
        yield processes


@pytest.fixture(params=["threads", "workers"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Each way to run functions."""
    address = None if request.param == "threads" else request.getfixturevalue("dask").address
    with connect(address) as cluster:
        yield cluster


def test_results_come_as_tasks_end(cluster: Cluster) -> None:
    tasks = {cluster.submit(calls.double, number): number for number in range(9)}
    completed = {tasks[task]: task.result() for task in cluster.completed(tasks)}
    assert completed == {number: 2 * number for number in range(9)}


def test_tasks_can_be_added_while_others_are_waited_for(cluster: Cluster) -> None:
    completed = cluster.completed([cluster.submit(calls.double, 1)])
    results = []
    for task in completed:
        results.append(task.result())
        if task.result() < 16:
            completed.add(cluster.submit(calls.double, task.result()))
    assert results == [2, 4, 8, 16]


def test_there_is_nothing_to_wait_for_without_tasks(cluster: Cluster) -> None:
    assert list(cluster.completed([])) == []


@pytest.mark.parametrize("kind", [TrainingError, MissingExtraError])
def test_a_user_s_error_keeps_its_class_and_message(cluster: Cluster, kind: type) -> None:
    with pytest.raises(kind) as caught:
        cluster.submit(calls.refuse, kind).result()
    message = "no" if kind is TrainingError else str(MissingExtraError("it", "onnx"))
    where, told = ("", str(caught.value))
    if cluster.address != "this process":
        where, _, told = told.partition(": ")
        assert where.startswith("worker tcp://127.0.0.1:")
    assert told == message


def test_a_module_that_a_worker_lacks_is_missing_there(dask: DaskProcesses) -> None:
    expected = r"worker tcp://127\.0\.0\.1:\d+: No module named 'absent': install there: pip install"
    with connect(dask.address) as cluster, pytest.raises(ClusterError, match=expected):
        cluster.submit(calls.lack).result()


def test_a_bug_stays_a_bug(cluster: Cluster) -> None:
    with pytest.raises(KeyError, match="a bug"):
        cluster.submit(calls.fail).result()


def test_a_shared_value_is_one_in_a_process(cluster: Cluster) -> None:
    shared = cluster.share(b"x" * 1000)
    found = {cluster.submit(calls.where, shared).result() for _ in range(5)}
    assert len(found) == 1
    assert found.pop()[2] == 1000


def test_workers_forget_what_was_shared_at_the_end(dask: DaskProcesses) -> None:
    with connect(dask.address) as other:
        kept = other.share(b"xy")
        with connect(dask.address) as cluster:
            shared = cluster.share(b"x")
            assert other.submit(calls.where, shared).result()[2] == 1
        with pytest.raises(KeyError):
            other.submit(calls.where, shared).result()
        assert other.submit(calls.where, kept).result()[2] == 2


def test_functions_run_in_this_process_without_an_address() -> None:
    with connect(None) as cluster:
        assert cluster.submit(calls.process).result() == os.getpid()
        assert cluster.threads() == len(os.sched_getaffinity(0))


def test_functions_run_on_workers(dask: DaskProcesses) -> None:
    with connect(dask.address) as cluster:
        assert cluster.submit(calls.process).result() != os.getpid()
        assert cluster.threads() == 1


@pytest.mark.parametrize("way", ["threads", "workers"])
def test_no_port_is_opened(way: str, dask: DaskProcesses) -> None:
    def listening() -> set[object]:
        return {each.laddr for each in psutil.Process().net_connections() if each.status == "LISTEN"}

    before = listening()
    with connect(None if way == "threads" else dask.address) as cluster:
        cluster.submit(calls.double, 1).result()
        assert listening() == before


def test_a_task_that_ends_its_workers_is_told_and_others_go_on(dask: DaskProcesses) -> None:
    with connect(dask.address) as cluster:
        shared = cluster.share(b"x")
        with pytest.raises(WorkersKilled, match="1 workers ended while they ran one task"):
            cluster.submit(calls.die).result()
        assert cluster.submit(calls.where, shared).result()[2] == 1


def test_another_version_on_a_worker_is_refused(dask: DaskProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    version = edgeall.__version__
    monkeypatch.setattr(edgeall, "__version__", "9.9")
    expected = f"has edgeall {version}, and this command 9.9: install the same versions on all machines"
    with pytest.raises(ClusterError, match=expected), connect(dask.address):
        pass


def test_another_version_on_a_worker_that_comes_later_is_refused(
    dask: DaskProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(dask.address) as cluster:
        monkeypatch.setattr(edgeall, "__version__", "9.9")
        with pytest.raises(ClusterError, match=r"and this command 9\.9"):
            cluster.submit(calls.double, 1).result()


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r'pip install "edgeall\[cluster\]"'), connect("tcp://h:1"):
        pass


def test_an_address_where_nothing_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "CONNECT_SECONDS", 0.3)
    with socket.socket() as taken:
        # Bound, and not listening.
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ClusterError, match=f"no Dask scheduler answers at {address}"), connect(address):
            pass


@pytest.mark.parametrize("address", ["", "somewhere", "nonsense://host:1", "tls://127.0.0.1:1"])
def test_what_is_no_address_is_told_on_one_line(address: str) -> None:
    with pytest.raises(ClusterError, match="not an address that can be used") as caught, connect(address):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="keys are made by openssl")
def test_keys_and_certificates_of_dask_s_configuration_are_used(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab", "-days", "1"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    options = ("--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", key)
    of = "distributed.comm.tls"
    given = {f"{of}.ca-file": certificate, f"{of}.client.cert": certificate, f"{of}.client.key": key}
    with DaskProcesses(tmp_path, *options) as own:
        own.add_workers()
        assert own.address.startswith("tls://")
        with pytest.raises(ClusterError, match="TLS"), connect(own.address):
            pass
        texts = {name: str(path) for name, path in given.items()}
        with dask_library.config.set(texts), connect(own.address) as cluster:
            assert cluster.submit(calls.double, 1).result() == 2


def test_workers_are_waited_for_and_then_refused(tmp_path: Path) -> None:
    notes = Notes()
    with DaskProcesses(tmp_path) as empty:
        expected = f"no worker at {empty.address} after 0 s; start some with: dask worker {empty.address}"
        with pytest.raises(ClusterError, match=expected), connect(empty.address, notes, patience=0.1):  # type: ignore[arg-type]
            pass
    assert len(notes.lines) == 1
    assert notes.lines[0].startswith(f"no worker at {empty.address}: waiting")


def test_workers_without_memory_left_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask gives them no tasks, and says so in their own log alone."""
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE", "False")

    with DaskProcesses(tmp_path) as own:
        own.add_workers(memory="1MB")
        with Client(own.address, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=120)
            while not client.run_on_scheduler(scheduler._workers).paused:
                pass
        expected = f"each worker at {own.address} is paused for lack of memory after 0 s; give them more"
        with pytest.raises(ClusterError, match=expected), connect(own.address, patience=0.1):
            pass


def test_a_paused_worker_that_runs_a_task_is_waited_for() -> None:
    def worker(*, executing: bool) -> SimpleNamespace:
        return SimpleNamespace(nthreads=2, executing={"task": 1.0} if executing else {})

    def found(running: int, paused: list[SimpleNamespace]) -> scheduler._Workers:
        work = [worker(executing=False) for _ in range(running)]
        everyone = dict(enumerate(work + paused))
        return scheduler._workers(SimpleNamespace(running=work, workers=everyone))

    assert found(0, []) == scheduler._Workers(0, False, 0)
    assert found(2, [worker(executing=False)]) == scheduler._Workers(4, True, 1)
    assert found(0, [worker(executing=False)]) == scheduler._Workers(0, False, 1)
    assert found(0, [worker(executing=True)]) == scheduler._Workers(0, True, 1)


def test_a_lost_scheduler_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "CONNECT_SECONDS", 5.0)
    with DaskProcesses(tmp_path) as own:
        own.add_workers()
        with connect(own.address) as cluster:
            assert cluster.submit(calls.double, 1).result() == 2
            own.scheduler.kill()
            own.scheduler.wait()
            with pytest.raises(ClusterError, match="the same command goes on"):
                cluster.submit(calls.double, 1).result()
