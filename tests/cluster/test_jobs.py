"""Parquet sets by `edgeall classify -o NAME.parquet`, in this process: rows, resuming, and what is refused."""

import csv
import gc
import hashlib
import json
import os
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from small_models import SmallModel

pytest.importorskip("pyarrow", reason="needs edgeall[cluster]")

import pyarrow.dataset as dataset

from edgeall.artifact import Artifact
from edgeall.cli.main import main
from edgeall.cluster import alone, inputs, job, parquet_set, work
from edgeall.cluster.job import classify_to_set
from edgeall.errors import ClusterError, UsageError


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """As any reader of Parquet sets finds them."""
    rows: list[dict[str, Any]] = dataset.dataset(folder).to_table().to_pylist()
    return rows


def classify(artifact: Artifact, *arguments: str | Path) -> int:
    return main(["classify", *map(str, arguments), "--model", str(artifact.path)])


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "PART_INPUTS", 4)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("options", [(), ("--force",)], ids=["refusing", "forced"])
def test_rows_are_those_of_a_csv_file(
    artifact: Artifact, pictures: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    absent, empty = tmp_path / "absent.png", tmp_path / "empty"
    empty.mkdir()
    arguments = (pictures, absent, empty, tmp_path / "*.none", *options)
    assert classify(artifact, *arguments, "-o", tmp_path / "verdicts.csv") == 1
    assert classify(artifact, *arguments, "-o", tmp_path / "rows.parquet") == 1
    with (tmp_path / "verdicts.csv").open(newline="") as file:
        expected = list(csv.DictReader(file))
    rows = rows_of(tmp_path / "rows.parquet")
    assert len(rows) == 17
    for row, line in zip(rows, expected, strict=True):
        for name in ("path", "decision", "label", "error"):
            assert (row[name] or "") == line[name]
        for name in ("probability", "score"):
            assert ("" if row[name] is None else repr(row[name])) == line[name]
        assert "; ".join(row["reasons"]) == "; ".join(filter(None, (line["quality"], line["domain"])))
        assert "; ".join(row["notes"]) == line["notes"]


def test_a_row_tells_bytes_model_and_time(artifact: Artifact, pictures: Path, tmp_path: Path) -> None:
    classify(artifact, pictures, "-o", tmp_path / "rows.parquet")
    for row in rows_of(tmp_path / "rows.parquet"):
        content = Path(row["path"]).read_bytes()
        assert (row["size"], row["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert row["model"] == artifact.sha256
        assert row["time"].tzinfo is not None
        assert (row["ms"] is None) == (row["error"] is not None)


def test_the_census_is_the_last_line_and_the_status_that_of_classify(
    artifact: Artifact, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = classify(artifact, pictures, "-o", tmp_path / "verdicts.jsonl")
    expected = capsys.readouterr().err.splitlines()[-1]
    assert classify(artifact, pictures, "-o", tmp_path / "rows.parquet") == status == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == expected
    assert "  1 refused: nearly uniform" in lines
    assert "  1 unreadable: cannot be read" in lines
    assert any(line.startswith("left out 1 (not an image)") for line in lines)


def test_programs_read_the_census(
    artifact: Artifact, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classify(artifact, "--json", pictures, "-o", tmp_path / "rows.parquet")
    census = json.loads(capsys.readouterr().out)
    assert census["refuse"] == census["unreadable"] == census["left_out"] == 1
    assert census["positive"] + census["negative"] + census["refer"] == 12
    assert census["errors"] == {"cannot be read": 1}


def test_nothing_readable_is_status_2(artifact: Artifact, tmp_path: Path) -> None:
    assert classify(artifact, tmp_path / "absent.png", "-o", tmp_path / "rows.parquet") == 2


@pytest.mark.usefixtures("small_parts")
def test_an_interrupted_call_is_gone_on_with(
    artifact: Artifact, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, write = tmp_path / "rows.parquet", parquet_set.ParquetSet.write
    written: list[str] = []

    def interrupted(self: parquet_set.ParquetSet, part: inputs.Part, rows: Any) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(part.name)
        write(self, part, rows)

    with monkeypatch.context() as patched:
        patched.setattr(parquet_set.ParquetSet, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            classify_to_set(artifact, [pictures], out)
    before = {each.name: each.read_bytes() for each in out.glob("part-*")}
    assert sorted(before) == sorted(written)
    (out / ".part-00000003.half.parquet").write_bytes(b"of a killed process")

    done = list[inputs.Input]()
    classify_inputs = work.classify_inputs

    def counted(model: Any, given: tuple[inputs.Input, ...]) -> work.Done:
        done.extend(given)
        return classify_inputs(model, given)

    monkeypatch.setattr(job, "classify_inputs", counted)
    classify_to_set(artifact, [pictures], out)
    after = {each.name: each.read_bytes() for each in out.iterdir() if not each.name.startswith("_")}
    assert len(after) == 4
    assert {name: after[name] for name in before} == before
    assert len(done) == 14 - 8
    paths = [row["path"] for row in rows_of(out)]
    assert len(paths) == len(set(paths)) == 14


def test_a_finished_set_is_counted_and_not_made_again(
    artifact: Artifact, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (pictures, "-o", tmp_path / "rows.parquet")
    status = classify(artifact, *arguments)
    first = capsys.readouterr().err.splitlines()[-1]
    before = {each: each.stat().st_mtime_ns for each in (tmp_path / "rows.parquet").iterdir()}
    assert classify(artifact, *arguments) == status
    err = capsys.readouterr().err
    assert "14 of 14 rows are there already" in err
    assert err.splitlines()[-1] == first
    parts = [each for each in before if each.name.startswith("part-")]
    assert all(each.stat().st_mtime_ns == before[each] for each in parts)


@pytest.fixture
def made(artifact: Artifact, pictures: Path, tmp_path: Path) -> Path:
    out = tmp_path / "rows.parquet"
    classify_to_set(artifact, [pictures], out)
    return out


def test_a_finished_set_is_made_anew_if_asked(
    made: Path, artifact: Artifact, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures can have changed under the same names."""
    (pictures / "blank.png").write_bytes((pictures / "slide0/cell00.png").read_bytes())
    unlink = Path.unlink

    def killed(self: Path, missing_ok: bool = False) -> None:
        if self.name.startswith("part-"):
            raise KeyboardInterrupt
        unlink(self, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            classify_to_set(artifact, [pictures], made, overwrite=True)
    # No row of the earlier call is left, although this one does not say so.
    classify_to_set(artifact, [pictures], made)
    by_path = {row["path"]: row for row in rows_of(made)}
    blank, cell = (by_path[str(pictures / name)] for name in ("blank.png", "slide0/cell00.png"))
    assert (blank["sha256"], blank["score"]) == (cell["sha256"], cell["score"])
    assert not (made / "_emptying").exists()


def test_an_unfinished_set_is_gone_on_with_also_with_overwrite(
    made: Path, artifact: Artifact, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "PART_INPUTS", 4)
    classify_to_set(artifact, [pictures], made, overwrite=True)
    first, second, *_ = sorted(made.glob("part-*"))
    second.unlink()
    before = first.stat().st_mtime_ns
    classify_to_set(artifact, [pictures], made, overwrite=True)
    assert first.stat().st_mtime_ns == before
    assert second.is_file()


def test_a_folder_that_changes_meanwhile_is_refused(
    artifact: Artifact, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of pictures stays the same."""
    survey = job.survey

    def then_renamed(names: Any) -> inputs.Listing:
        listing = survey(names)
        (pictures / "blank.png").rename(pictures / "slide1/white.png")
        return listing

    with monkeypatch.context() as patched:
        patched.setattr(job, "survey", then_renamed)
        with pytest.raises(UsageError, match="renamed while they were classified"):
            classify_to_set(artifact, [pictures], tmp_path / "rows.parquet")
    classify_to_set(artifact, [pictures], tmp_path / "rows.parquet", overwrite=True)
    assert len(rows_of(tmp_path / "rows.parquet")) == 14


def test_rows_of_another_artifact_are_refused(
    made: Path, tiny: SmallModel, pictures: Path, tmp_path: Path
) -> None:
    other = tiny.sealed("tflite-fp32", tmp_path, "other")
    before = rows_of(made)
    with pytest.raises(UsageError, match="it has rows of another artifact"):
        classify_to_set(other, [pictures], made)
    assert rows_of(made) == before
    classify_to_set(other, [pictures], made, overwrite=True)
    assert {row["model"] for row in rows_of(made)} == {other.sha256}


def test_rows_with_another_option_are_refused(made: Path, artifact: Artifact, pictures: Path) -> None:
    with pytest.raises(UsageError, match="with another choice of --force"):
        classify_to_set(artifact, [pictures], made, force=True)


def test_rows_of_other_inputs_are_refused(made: Path, artifact: Artifact, pictures: Path) -> None:
    (pictures / "one-more.png").write_bytes((pictures / "blank.png").read_bytes())
    with pytest.raises(UsageError, match="it has rows of other inputs"):
        classify_to_set(artifact, [pictures], made)


def test_a_folder_of_something_else_is_left_alone(artifact: Artifact, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.parquet"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match=r"has files of something else \(letter\.txt\)"):
        classify_to_set(artifact, [pictures], out, overwrite=True)
    assert [each.name for each in out.iterdir() if each.name != "_lock"] == ["letter.txt"]


def test_a_file_in_place_of_the_folder_is_left_alone(
    artifact: Artifact, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "one.parquet"
    out.write_text("a single Parquet file")
    with pytest.raises(UsageError, match="is no folder"):
        classify_to_set(artifact, [pictures], out, overwrite=True)
    assert out.read_text() == "a single Parquet file"


def test_a_part_that_was_damaged_or_removed_is_noticed(
    made: Path, artifact: Artifact, pictures: Path
) -> None:
    (part,) = made.glob("part-*")
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(UsageError, match="not a whole part"):
        classify_to_set(artifact, [pictures], made)
    part.unlink()
    census, _ = classify_to_set(artifact, [pictures], made)
    assert census.counts.inputs == 14


def test_two_processes_do_not_write_one_set(made: Path, artifact: Artifact, pictures: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with (made / "_lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="is being written by another process"):
            classify_to_set(artifact, [pictures], made)


@pytest.mark.parametrize("option", ["--cells", "--copy-to=x", "--by=folder", "--boxes=x"])
def test_options_that_sets_do_not_have_are_refused(
    artifact: Artifact, pictures: Path, tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert classify(artifact, pictures, option, "-o", tmp_path / "rows.parquet") == 2
    assert f"{option.partition('=')[0]} is not for Parquet sets" in capsys.readouterr().err


def test_a_scheduler_needs_a_set(
    artifact: Artifact, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for output in ([], ["-o", tmp_path / "verdicts.csv"]):
        assert classify(artifact, pictures, "--scheduler", "tcp://127.0.0.1:1", *output) == 2
        assert "name its folder with -o NAME.parquet" in capsys.readouterr().err


def test_names_are_stored_as_they_are(artifact: Artifact, pictures: Path, tmp_path: Path) -> None:
    """A column of text is no formula; what is not UTF-8 is escaped, as Parquet requires."""
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    names = (b"=HYPERLINK(1).png", b"a\nb.png", "\u202egnp.png".encode(), b"caf\xe9.png")
    for name in names:
        Path(os.fsdecode(os.fsencode(hostile) + b"/" + name)).write_bytes(
            (pictures / "slide0/cell00.png").read_bytes()
        )
    classify_to_set(artifact, [hostile], tmp_path / "rows.parquet")
    found = {row["path"].removeprefix(f"{hostile}/") for row in rows_of(tmp_path / "rows.parquet")}
    assert found == {"=HYPERLINK(1).png", "a\nb.png", "\u202egnp.png", "caf\\udce9.png"}
    assert all(row["error"] is None for row in rows_of(tmp_path / "rows.parquet"))


def test_a_list_names_pictures(
    artifact: Artifact, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["pictures/slide0/cell00.png", str(pictures / "blank.png"), f"file://{pictures}/damaged.jpg"]
    Path("list.txt").write_text("\r\n".join(names) + "\n\n")
    classify_to_set(artifact, ["list.txt"], "rows.parquet")
    found = [row["path"] for row in rows_of(tmp_path / "rows.parquet")]
    assert found == [str(pictures / name) for name in ("slide0/cell00.png", "blank.png", "damaged.jpg")]


def test_a_list_of_a_windows_editor_names_pictures(
    artifact: Artifact, pictures: Path, tmp_path: Path
) -> None:
    names = [str(pictures / "blank.png"), str(pictures / "slide0/cell00.png")]
    (tmp_path / "list.txt").write_text("\r\n".join(names), encoding="utf-8-sig")
    classify_to_set(artifact, [tmp_path / "list.txt"], tmp_path / "rows.parquet")
    assert [row["path"] for row in rows_of(tmp_path / "rows.parquet")] == names


def test_what_is_no_list_is_refused(artifact: Artifact, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes((pictures / "blank.png").read_bytes())
    with pytest.raises(UsageError, match="not a text file with a path or URL a line"):
        classify_to_set(artifact, [tmp_path / "list.txt"], tmp_path / "rows.parquet")


@pytest.fixture
def website(pictures: Path) -> Iterator[str]:
    """The pictures, by a server on a loopback port."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(pictures))

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_urls_are_read(artifact: Artifact, pictures: Path, tmp_path: Path, website: str) -> None:
    names = [path.relative_to(pictures).as_posix() for path in sorted(pictures.rglob("*.png"))]
    (tmp_path / "list.txt").write_text("".join(f"{website}/{name}\n" for name in [*names, "absent.png"]))
    classify_to_set(artifact, [tmp_path / "list.txt", f"{website}/damaged.jpg"], tmp_path / "urls.parquet")
    classify_to_set(artifact, [pictures / name for name in names], tmp_path / "files.parquet")
    *found, absent, damaged = rows_of(tmp_path / "urls.parquet")
    for row, expected in zip(found, rows_of(tmp_path / "files.parquet"), strict=True):
        changed = {"path": row["path"], "time": row["time"], "ms": row["ms"]}
        assert row == expected | changed
    assert absent["error"] == f"{website}/absent.png: cannot be read (no such file)"
    assert damaged["error"].startswith(f"{website}/damaged.jpg: cannot be read")
    assert damaged["size"] == (pictures / "damaged.jpg").stat().st_size


def test_a_server_that_fails_is_asked_again(
    artifact: Artifact, pictures: Path, tmp_path: Path, website: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_PAUSE_SECONDS", 0.0)
    attempts: list[str] = []
    answer = SimpleHTTPRequestHandler.do_GET

    def unavailable(self: SimpleHTTPRequestHandler) -> None:
        attempts.append(self.path)
        if len(attempts) < 3:
            self.send_error(503)
        else:
            answer(self)

    monkeypatch.setattr(SimpleHTTPRequestHandler, "do_GET", unavailable)
    classify_to_set(artifact, [f"{website}/slide0/cell00.png"], tmp_path / "rows.parquet")
    assert rows_of(tmp_path / "rows.parquet")[0]["error"] is None
    assert len(attempts) == 3


def test_a_server_that_sends_without_end_is_not_read_to_it(
    artifact: Artifact, tmp_path: Path, website: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MAX_BYTES", 1 << 20)
    cut = Event()

    def endless(self: SimpleHTTPRequestHandler) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            cut.set()

    monkeypatch.setattr(SimpleHTTPRequestHandler, "do_GET", endless)
    classify_to_set(artifact, [f"{website}/long.png"], tmp_path / "rows.parquet")
    assert rows_of(tmp_path / "rows.parquet")[0]["error"] == f"{website}/long.png: more than 1 MiB"
    assert cut.wait(60)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("htp://host/a.png", "unknown protocol 'htp': did you mean 'http'?"),
        ("ssh://host/a.png", "unknown protocol 'ssh': choose from abfs, az, file, gs, http, https, s3"),
        ("http::file:///etc/a.png", "URLs inside one another (::) are not read"),
    ],
)
def test_protocols_that_are_not_read_are_refused(
    artifact: Artifact, tmp_path: Path, url: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        classify_to_set(artifact, [url], tmp_path / "rows.parquet")
    assert message in str(caught.value)
    assert not (tmp_path / "rows.parquet").exists()


def test_the_package_of_a_protocol_is_named(
    artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(UsageError, match="on this machine and on all workers: pip install s3fs"):
        classify_to_set(artifact, ["s3://bucket/a.png"], tmp_path / "rows.parquet")


def test_standard_input_is_refused(artifact: Artifact, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="standard input"):
        classify_to_set(artifact, ["-"], tmp_path / "rows.parquet")


def test_a_process_of_its_own_gives_the_same_row(
    artifact: Artifact, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where workers have ended under every task."""
    classify_to_set(artifact, [pictures], tmp_path / "together.parquet")

    def no_memory(model: Any, given: tuple[inputs.Input, ...]) -> work.Done:
        raise MemoryError

    monkeypatch.setattr(job, "classify_inputs", no_memory)
    few = [pictures / "slide0/cell00.png", pictures / "damaged.jpg"]
    classify_to_set(artifact, few, tmp_path / "alone.parquet")
    together = {row["path"]: row for row in rows_of(tmp_path / "together.parquet")}
    for row in rows_of(tmp_path / "alone.parquet"):
        assert together[row["path"]] == row | {name: together[row["path"]][name] for name in ("time", "ms")}


def test_a_process_of_its_own_gives_a_row_of_any_length(artifact: Artifact) -> None:
    """Longer than what a pipe takes before somebody reads it."""
    model = alone._Local(work.model_of(artifact, 1, force=False))
    path = "/" + "long/" * 40_000
    (row,) = alone.classify_alone(model, inputs.Input(path)).table.to_pylist()
    assert row["path"] == path
    assert row["error"].startswith(path)


def test_a_process_keeps_the_last_classifiers_and_no_files_of_others(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_classifiers", {})
    monkeypatch.setattr(work, "MOST_LOADED", 1)
    models = [work.model_of(artifact, 1, force) for force in (False, True)]
    folder = work.loaded(models[0]).artifact.path.parent
    assert work.loaded(models[0]).artifact.path.parent == folder
    assert work.loaded(models[1]).artifact.path.is_file()
    gc.collect()
    assert not folder.exists()


class _Nothing:
    """An order that no process understands."""

    def __init__(self, *_: object) -> None:
        pass


def test_a_process_that_does_not_start_is_no_fault_of_the_picture(
    artifact: Artifact, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(model: Any, given: tuple[inputs.Input, ...]) -> work.Done:
        raise MemoryError

    monkeypatch.setattr(job, "classify_inputs", no_memory)
    monkeypatch.setattr(alone, "_Order", _Nothing)
    with pytest.raises(ClusterError, match="a process for one picture does not start"):
        classify_to_set(artifact, [pictures / "blank.png"], tmp_path / "rows.parquet")
