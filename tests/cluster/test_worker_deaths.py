"""Jobs on the workers of a scheduler: the same rows whatever dies."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

pytest.importorskip("pyarrow", reason="needs edgeall[cluster]")
pytest.importorskip("distributed", reason="needs edgeall[cluster]")

import pyarrow.dataset as dataset
from dask_processes import DaskProcesses

from edgeall.artifact import Artifact
from edgeall.cluster import inputs, job, parquet_set
from edgeall.cluster.job import classify_to_set
from edgeall.cluster.rows import KILLS
from edgeall.errors import ArtifactError, ClusterError


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    with DaskProcesses(tmp_path_factory.mktemp("dask")) as processes:
        yield processes


@pytest.fixture(scope="module")
def supervisors(dask: DaskProcesses) -> subprocess.Popen[bytes]:
    """Of two workers."""
    return dask.add_workers(2)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "PART_INPUTS", 4)
    monkeypatch.setattr(job, "FIRST_INPUTS", 2)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Rows without what no two calls have in common."""
    rows = dataset.dataset(folder).to_table().to_pylist()
    return [{name: value for name, value in row.items() if name not in ("time", "ms")} for row in rows]


def worker_processes(supervisors: subprocess.Popen[bytes]) -> list[psutil.Process]:
    children = psutil.Process(supervisors.pid).children()
    return [each for each in children if any("spawn_main" in word for word in each.cmdline())]


def at_write(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
    """Have `act` called when the part after `number` parts is to be written."""
    write, written = parquet_set.ParquetSet.write, list[int]()

    def watched(self: parquet_set.ParquetSet, part: inputs.Part, rows: Any) -> None:
        written.append(part.number)
        if len(written) == number + 1:
            act()
        write(self, part, rows)

    monkeypatch.setattr(parquet_set.ParquetSet, "write", watched)


@pytest.mark.usefixtures("supervisors")
def test_rows_are_those_of_this_process(
    dask: DaskProcesses, artifact: Artifact, pictures: Path, tmp_path: Path
) -> None:
    here, _ = classify_to_set(artifact, [pictures], tmp_path / "here.parquet")
    there, _ = classify_to_set(artifact, [pictures], tmp_path / "there.parquet", scheduler=dask.address)
    assert rows_of(tmp_path / "there.parquet") == rows_of(tmp_path / "here.parquet")
    assert there == here


def test_killed_workers_change_no_row(
    dask: DaskProcesses,
    supervisors: subprocess.Popen[bytes],
    artifact: Artifact,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    classify_to_set(artifact, [pictures], tmp_path / "here.parquet")
    killed = list[int]()

    def kill() -> None:
        for each in worker_processes(supervisors):
            killed.append(each.pid)
            each.kill()

    at_write(monkeypatch, 1, kill)
    classify_to_set(artifact, [pictures], tmp_path / "there.parquet", scheduler=dask.address)
    assert len(killed) == 2
    assert rows_of(tmp_path / "there.parquet") == rows_of(tmp_path / "here.parquet")


@pytest.mark.usefixtures("supervisors")
def test_a_killed_command_is_gone_on_with(
    dask: DaskProcesses, artifact: Artifact, pictures: Path, tmp_path: Path
) -> None:
    program = f"""
import os, signal
from edgeall.artifact import read
from edgeall.cluster import inputs, job, parquet_set
inputs.PART_INPUTS, job.FIRST_INPUTS = 4, 2
write = parquet_set.ParquetSet.write
def once(self, part, rows):
    write(self, part, rows)
    os.kill(os.getpid(), signal.SIGKILL)
parquet_set.ParquetSet.write = once
job.classify_to_set(
    read({str(artifact.path)!r}), [{str(pictures)!r}], {str(tmp_path / "rows.parquet")!r}, scheduler={dask.address!r}
)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    out = tmp_path / "rows.parquet"
    (first,) = out.glob("part-*")
    before = first.read_bytes()
    classify_to_set(artifact, [pictures], out, scheduler=dask.address)
    assert first.read_bytes() == before
    classify_to_set(artifact, [pictures], tmp_path / "here.parquet")
    assert rows_of(out) == rows_of(tmp_path / "here.parquet")


def test_a_lost_scheduler_leaves_what_is_done(
    artifact: Artifact, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "rows.parquet"
    with DaskProcesses(tmp_path) as own, monkeypatch.context() as patched:
        own.add_workers()
        at_write(patched, 0, lambda: (own.scheduler.kill(), own.scheduler.wait()))
        with pytest.raises(ClusterError, match="the same command goes on"):
            classify_to_set(artifact, [pictures], out, scheduler=own.address)
    assert 1 <= len(list(out.glob("part-*"))) < 4
    classify_to_set(artifact, [pictures], out)
    classify_to_set(artifact, [pictures], tmp_path / "here.parquet")
    assert rows_of(out) == rows_of(tmp_path / "here.parquet")


def test_a_picture_that_takes_all_memory_costs_one_row(
    artifact: Artifact, pictures: Path, tmp_path: Path
) -> None:
    """81 million pixels take 324 MB while they are decoded: more than this worker may have."""
    (pictures / "slide0" / "large.png").parent.mkdir(exist_ok=True)
    Image.new("RGB", (9000, 9000), (200, 180, 190)).save(pictures / "slide0" / "large.png", compress_level=1)
    with DaskProcesses(tmp_path) as own:
        own.add_workers(memory="340MB")
        census, _ = classify_to_set(
            artifact, [pictures / "slide0"], tmp_path / "rows.parquet", scheduler=own.address
        )
    rows = rows_of(tmp_path / "rows.parquet")
    large = str(pictures / "slide0" / "large.png")
    assert [row["path"] for row in rows if row["error"] is not None] == [large]
    assert [row["error"] for row in rows if row["path"] == large] == [f"{large}: {KILLS}"]
    assert (census.counts.answered, census.counts.unreadable) == (6, 1)


@pytest.mark.usefixtures("supervisors")
def test_a_damaged_artifact_is_not_used_by_workers(
    dask: DaskProcesses, artifact: Artifact, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_of = job.model_of

    def altered(*given: Any) -> Any:
        model = model_of(*given)
        model.files[artifact.path.name] = model.files[artifact.path.name][:-50]
        # Workers know it by its checksum, and keep what they loaded.
        return type(model)("0" * 64, model.files, model.threads, model.force)

    monkeypatch.setattr(job, "model_of", altered)
    with pytest.raises(ArtifactError, match=artifact.path.name):
        classify_to_set(artifact, [pictures], tmp_path / "rows.parquet", scheduler=dask.address)
    assert not list((tmp_path / "rows.parquet").glob("part-*"))
