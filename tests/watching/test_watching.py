"""The watcher on a real folder, with a real engine: each finished picture has one entry, whatever happens."""

import errno
import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from scripted import Script, names, nothing, pictures, scripted
from small_models import SmallModel

from edgeall.artifact import Artifact
from edgeall.errors import UsageError
from edgeall.field import Classifier, classify
from edgeall.logbook import (
    ChangeEntry,
    Logbook,
    LogWaitError,
    PictureEntry,
    Record,
    archive,
    find_path,
    remove,
    verify,
)
from edgeall.watching import Notice, watch
from edgeall.watching.reading import read_once

READ = "edgeall.watching.watcher.read_once"


@pytest.fixture(scope="module")
def artifact(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny.sealed("tflite-int8", tmp_path_factory.mktemp("watching"))


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    (tmp_path / "scans").mkdir()
    return tmp_path / "scans"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def draw(tiny: SmallModel, scans: Path) -> Callable[..., Path]:
    def one(name: str, number: int = 0) -> Path:
        path = scans / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(tiny.images[number]).save(path)
        return path

    return one


def told(found: list[Record | Notice]) -> list[str]:
    return [each.text for each in found if isinstance(each, Notice)]


def once(artifact: Artifact, scans: Path, log: Path, **options: Any) -> list[Record | Notice]:
    """What one pass over the folder yields."""
    with Logbook.open(log, create=True) as book, Classifier(artifact, **options) as classifier:
        return list(watch(scans, classifier, book, settle=0.0, every=0.0, once=True))


def test_answers_are_those_of_classify_to_the_bit(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], tiny: SmallModel
) -> None:
    for number in range(len(tiny.images)):
        draw(f"slide{number % 2}/{number}.png", number)
    Image.new("RGB", (20, 20), (200, 190, 200)).save(scans / "blank.png")
    (scans / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    once(artifact, scans, log)
    expected = {each.path: each.to_dict() | {"ms": 0} for each in classify(artifact, [scans])}  # type: ignore[union-attr]
    recorded = {entry.result.path: entry.result.to_dict() | {"ms": 0} for entry in pictures(log)}
    assert recorded == {path: each | {"ms": 0} for path, each in expected.items()}
    for entry in pictures(log):
        assert entry.sha256 == hashlib.sha256((scans / entry.path).read_bytes()).hexdigest()
        assert (entry.size, entry.mtime_ns) == (
            (scans / entry.path).stat().st_size,
            (scans / entry.path).stat().st_mtime_ns,
        )
        assert (entry.station.artifact, entry.station.engine) == (artifact.sha256, "ai-edge-litert")


def test_pictures_are_decided_as_they_arrive(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path]
) -> None:
    draw("before.png", 0)
    seen: list[list[str]] = []

    def look() -> None:
        seen.append(names(log))

    list(scripted(artifact, scans, log, look, lambda: draw("during.png", 1), look, look, look))
    assert seen == [[], ["before.png"], ["before.png"], ["before.png", "during.png"]]


def test_what_is_decided_stays_decided(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path]
) -> None:
    path = draw("a.png", 0)
    once(artifact, scans, log)
    assert once(artifact, scans, log) == []
    # Touched, and replaced by equal bytes: read again, and not decided again.
    os.utime(path, ns=(1, 1))
    assert once(artifact, scans, log) == []
    path.write_bytes(path.read_bytes())
    assert once(artifact, scans, log) == []
    draw("a.png", 1)
    (record,) = once(artifact, scans, log)
    assert isinstance(record, Record)
    assert names(log) == ["a.png", "a.png"]


def test_equal_bytes_under_another_name_get_the_first_answer(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png", 0)
    once(artifact, scans, log)
    draw("moved/UID_5_1_1_all.png", 0)
    monkeypatch.setattr(Classifier, "answer", None)
    once(artifact, scans, log)
    first, second = pictures(log)
    assert (second.same_as, second.path, second.subject) == (2, "moved/UID_5_1_1_all.png", "5")
    assert second.answer == first.answer


def test_a_new_model_decides_what_is_new(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], tiny: SmallModel, tmp_path: Path
) -> None:
    draw("a.png", 0)
    once(artifact, scans, log)
    newer = tiny.sealed("tflite-fp32", tmp_path, "newer")
    draw("b.png", 1)
    draw("copy.png", 0)
    once(newer, scans, log)
    assert names(log) == ["a.png", "b.png", "copy.png"]
    assert [entry.same_as for entry in pictures(log)] == [None, None, None]
    with Logbook.open(log) as book:
        first, second = (record.entry for record in book.of_kind("change"))
    assert isinstance(first, ChangeEntry)
    assert isinstance(second, ChangeEntry)
    assert len(first.changed) == 11
    assert second.changed == ("model", "artifact", "precision")


def test_an_unreadable_picture_is_recorded_and_tried_again_when_it_changes(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path]
) -> None:
    whole = draw("a.png", 0).read_bytes()
    (scans / "a.png").write_bytes(whole[:-40])
    once(artifact, scans, log)
    (entry,) = pictures(log)
    assert entry.answer is None
    assert "a.png" in (entry.error or "")
    assert once(artifact, scans, log) == []
    (scans / "a.png").write_bytes(whole)
    once(artifact, scans, log)
    assert [each.decision is None for each in pictures(log)] == [True, False]


def test_an_unreadable_picture_is_tried_again_by_another_station(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path]
) -> None:
    (scans / "a.png").write_bytes(draw("a.png", 0).read_bytes()[:-40])
    once(artifact, scans, log)
    once(artifact, scans, log, force=True)
    # It fails as before, which is known already.
    assert len(pictures(log)) == 1


def test_a_file_that_is_replaced_while_it_is_read_is_decided_on_its_last_bytes(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png", 0)
    replaced = []
    real = read_once

    def read(arrival: Any) -> Any:
        if not replaced:
            replaced.append(draw("a.png", 1))
        return real(arrival)

    monkeypatch.setattr(READ, read)
    list(scripted(artifact, scans, log, *[nothing] * 6))
    (entry,) = pictures(log)
    assert entry.sha256 == hashlib.sha256((scans / "a.png").read_bytes()).hexdigest()


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
def test_a_failing_disk_is_tried_again_and_says_nothing_of_the_picture(
    artifact: Artifact,
    scans: Path,
    log: Path,
    draw: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    draw("a.png", 0)
    failures = iter([True, True])
    real = read_once

    def read(arrival: Any) -> Any:
        if next(failures, False):
            raise OSError(number, os.strerror(number))
        return real(arrival)

    monkeypatch.setattr(READ, read)
    found = list(scripted(artifact, scans, log, *[nothing] * 12))
    (notice,) = told(found)
    assert notice.endswith(f"a.png: cannot be read ({os.strerror(number)}); it is tried again")
    assert [entry.error for entry in pictures(log)] == [None]


def test_a_file_without_permission_is_recorded_and_tried_again(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png", 0)
    allowed: list[bool] = []
    real = read_once

    def read(arrival: Any) -> Any:
        if not allowed:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(arrival)

    monkeypatch.setattr(READ, read)
    list(scripted(artifact, scans, log, *[nothing] * 50, lambda: allowed.append(True), *[nothing] * 40))
    assert [entry.error is None for entry in pictures(log)] == [False, True]


def test_a_file_without_permission_is_tried_again_at_each_start(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png", 0)

    def read(arrival: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as without:
        without.setattr(READ, read)
        list(scripted(artifact, scans, log, *[nothing] * 4))
    once(artifact, scans, log)
    assert [entry.error is None for entry in pictures(log)] == [False, True]


@pytest.mark.parametrize(
    ("number", "recorded", "notices"),
    [
        (errno.EACCES, ["a.png"], []),
        (
            errno.EIO,
            [],
            [
                "a.png: cannot be read (Input/output error); it is tried again",
                "a.png: not decided, it was tried 3 times: run the same command again",
            ],
        ),
    ],
    ids=["closed", "failing"],
)
def test_a_watch_that_ends_by_itself_ends_where_a_file_cannot_be_read(
    artifact: Artifact,
    scans: Path,
    log: Path,
    draw: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    recorded: list[str],
    notices: list[str],
) -> None:
    draw("a.png", 0)
    draw("b.png", 1)
    real = read_once

    def read(arrival: Any) -> Any:
        if arrival.name == "a.png":
            raise OSError(number, os.strerror(number))
        return real(arrival)

    monkeypatch.setattr(READ, read)
    script = Script([nothing] * 200)
    found = list(scripted(artifact, scans, log, script=script, once=True))
    assert not script.is_set()
    assert told(found) == [f"{scans}/{notice}" for notice in notices]
    assert sorted(names(log)) == [*recorded, "b.png"]


def test_a_watch_that_ends_by_itself_waits_for_a_disk_that_fails_once(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png", 0)
    failures = iter([True])
    real = read_once

    def read(arrival: Any) -> Any:
        if next(failures, False):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(arrival)

    monkeypatch.setattr(READ, read)
    script = Script([nothing] * 200)
    list(scripted(artifact, scans, log, script=script, once=True))
    assert not script.is_set()
    assert [entry.error for entry in pictures(log)] == [None]


def test_a_watch_that_ends_by_itself_ends_where_a_folder_below_is_closed_meanwhile(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("below/a.png", 0)
    gone = draw("gone.png", 1)
    real, closed = os.scandir, list[Path]()

    def scandir(path: Any) -> Any:
        if Path(path) in closed:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path)

    def step() -> None:
        closed.append(scans / "below")
        gone.unlink(missing_ok=True)

    monkeypatch.setattr(os, "scandir", scandir)
    script = Script([step, *[nothing] * 200])
    found = list(scripted(artifact, scans, log, script=script, once=True))
    assert not script.is_set()
    assert told(found) == [f"{scans / 'below'}: cannot be listed (Permission denied)"]


def test_a_folder_below_that_cannot_be_listed_is_told(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("below/a.png", 0)
    real = os.scandir

    def closed(path: Any) -> Any:
        if Path(path) in (scans / "below", *closed_ones):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path)

    closed_ones: list[Path] = []
    monkeypatch.setattr(os, "scandir", closed)
    notices = told(list(scripted(artifact, scans, log, *[nothing] * 4)))
    assert notices == [f"{scans / 'below'}: cannot be listed (Permission denied); it is tried again"]
    closed_ones.append(scans)
    with pytest.raises(UsageError, match=r"cannot be listed \(Permission denied\)"):
        once(artifact, scans, log)


def test_a_picture_for_which_there_is_too_little_memory_is_decided_later(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png", 0)
    failures = iter([True])
    real = Classifier.answer

    def answer(classifier: Classifier, found: Any) -> Any:
        if next(failures, False):
            raise MemoryError
        return real(classifier, found)

    monkeypatch.setattr(Classifier, "answer", answer)
    (notice,) = told(list(scripted(artifact, scans, log, *[nothing] * 60)))
    assert notice == f"{scans / 'a.png'}: not decided, for lack of memory; it is tried again"
    assert [entry.error for entry in pictures(log)] == [None]


def test_a_file_that_is_gone_before_it_is_read_is_no_trouble(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw("a.png", 0)
    real = read_once

    def read(arrival: Any) -> Any:
        path.unlink(missing_ok=True)
        return real(arrival)

    monkeypatch.setattr(READ, read)
    assert told(list(scripted(artifact, scans, log, *[nothing] * 5))) == []
    assert pictures(log) == []


def test_a_folder_that_goes_away_is_waited_for(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path]
) -> None:
    draw("a.png", 0)
    elsewhere = scans.with_name("elsewhere")

    def back() -> None:
        elsewhere.rename(scans)
        draw("b.png", 1)

    steps = [
        nothing,
        nothing,
        nothing,
        lambda: scans.rename(elsewhere),
        nothing,
        nothing,
        back,
        *[nothing] * 4,
    ]
    assert told(list(scripted(artifact, scans, log, *steps))) == [
        f"{scans} is away (No such file or directory): waiting until it is back",
        f"{scans} is back",
    ]
    assert names(log) == ["a.png", "b.png"]


def mounted(place: Path, size: str = "1m") -> Iterator[Callable[[], None]]:
    """A file system in memory at `place`, and the way to unmount it; skips where this user cannot mount."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    try:
        yield lambda: subprocess.run(["umount", str(place)], check=True) and None
    finally:
        subprocess.run(["umount", str(place)], capture_output=True, check=False)


def test_a_camera_s_disk_is_unmounted_during_the_watch_and_comes_back(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], tmp_path: Path
) -> None:
    real, camera = tmp_path / "camera", scans
    real.mkdir()

    def mount() -> None:
        if (
            os.geteuid()
            or subprocess.run(["mount", "--bind", real, camera], capture_output=True, check=False).returncode
        ):
            pytest.skip("needs the right to mount")

    def unmount() -> None:
        # No file of it is open: the watcher does not keep it busy.
        subprocess.run(["umount", str(camera)], check=True)

    mount()
    try:
        draw("a.png", 0)
        steps = [
            nothing,
            nothing,
            nothing,
            unmount,
            nothing,
            nothing,
            mount,
            lambda: draw("b.png", 1),
            *[nothing] * 4,
        ]
        list(scripted(artifact, camera, log, *steps))
    finally:
        subprocess.run(["umount", str(camera)], capture_output=True, check=False)
    assert names(log) == ["a.png", "b.png"]


def test_a_clock_that_is_set_back_neither_loses_nor_repeats(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path]
) -> None:
    draw("a.png", 0)
    script = Script([])

    def set_back() -> None:
        script.set_back = timedelta(days=365)
        os.utime(draw("b.png", 1), (1, 1))

    script._steps = iter([nothing, nothing, nothing, set_back, *[nothing] * 5])
    list(scripted(artifact, scans, log, script=script))
    first, second = pictures(log)
    assert (first.path, second.path) == ("a.png", "b.png")
    assert second.time < first.time
    with Logbook.open(log) as book:
        found = verify(book)
    assert found.holds
    assert len(found.remarks) == 1


def test_a_second_watcher_says_that_there_is_one(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path]
) -> None:
    draw("a.png", 0)
    said: list[str] = []

    def second() -> None:
        with pytest.raises(UsageError) as refused:
            once(artifact, scans, log)
        said.append(str(refused.value))

    list(scripted(artifact, scans, log, second, nothing, nothing, nothing))
    assert said == [f"{scans} is being watched by another process with the same log: end that one first"]
    assert names(log) == ["a.png"]
    # It is free again.
    assert once(artifact, scans, log) == []


class Death(BaseException):
    """What ends a watcher, in place of a signal."""


def test_a_picture_that_ends_the_watcher_does_not_keep_others_from_being_decided(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Classifier.answer

    def answer(classifier: Classifier, found: Any) -> Any:
        if found.name == "deadly.png":
            raise Death
        return real(classifier, found)

    for seconds, name in enumerate(["deadly.png", "a.png", "b.png", "c.png"]):
        os.utime(draw(name, seconds), (seconds, seconds))
    with monkeypatch.context() as deadly:
        deadly.setattr(Classifier, "answer", answer)
        # At first, what was in work beside it is suspected too.
        for _ in range(3):
            with pytest.raises(Death):
                once(artifact, scans, log)
        assert sorted(names(log)) == ["a.png", "b.png", "c.png"]
        draw("d.png", 4)
        with pytest.raises(Death):
            once(artifact, scans, log)
        assert "d.png" in names(log)
    once(artifact, scans, log)
    assert "deadly.png" in names(log)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1, null]", b"[[[[", b"\xff\xfe", b"[" * 100_000])
def test_a_spoiled_lock_says_nothing(artifact: Artifact, scans: Path, log: Path, content: bytes) -> None:
    once(artifact, scans, log)
    (lock,) = log.parent.glob(".log.db.*.lock")
    lock.write_bytes(content)
    assert once(artifact, scans, log) == []


def test_where_there_are_no_locks_the_log_takes_each_picture_once(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeall.files.fcntl", None)
    draw("a.png", 0)
    list(scripted(artifact, scans, log, lambda: once(artifact, scans, log), nothing, nothing, nothing))
    assert names(log) == ["a.png"]


def test_a_full_disk_is_waited_for(
    artifact: Artifact,
    scans: Path,
    tmp_path: Path,
    draw: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    filesystem = mounted(disk)
    next(filesystem)
    log, filler = disk / "log.db", disk / "filler"

    def fill() -> None:
        draw("b.png", 1)
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    try:
        draw("a.png", 0)
        steps = [nothing, nothing, nothing, fill, *[nothing] * 6, filler.unlink, *[nothing] * 6]
        notices = told(list(scripted(artifact, scans, log, *steps)))
        assert len(notices) == 2
        assert notices[0].startswith(f"{log}: cannot be written")
        assert notices[0].endswith("waiting, no picture is lost")
        assert notices[1] == f"{log}: written again"
        assert names(log) == ["a.png", "b.png"]
        with Logbook.open(log) as book:
            assert verify(book).holds
    finally:
        filesystem.close()


def test_another_program_that_writes_for_long_is_waited_for(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    once(artifact, scans, log)
    draw("a.png", 0)
    monkeypatch.setattr("edgeall.logbook.storage._BUSY_SECONDS", 0.01)
    with Logbook.open(log) as other, other.reading() as database:
        database.execute("BEGIN IMMEDIATE")
        steps = [*[nothing] * 4, lambda: database.execute("COMMIT"), *[nothing] * 4]
        notices = told(list(scripted(artifact, scans, log, *steps)))
    assert notices == [
        f"{log}: another process has been writing for long: try again; waiting, no picture is lost",
        f"{log}: written again",
    ]
    assert names(log) == ["a.png"]


def test_a_watcher_that_is_ended_while_the_disk_is_full_says_so_and_decides_again_later(
    artifact: Artifact,
    scans: Path,
    tmp_path: Path,
    draw: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = tmp_path / "log.db"
    once(artifact, scans, log)
    draw("a.png", 0)
    real = Logbook.append

    def full(book: Logbook, entries: Any) -> Any:
        raise LogWaitError(
            f"{book.path}: cannot be written (database or disk is full): make room on its disk"
        )

    monkeypatch.setattr(Logbook, "append", full)
    with pytest.raises(LogWaitError):
        list(scripted(artifact, scans, log, *[nothing] * 6))
    monkeypatch.setattr(Logbook, "append", real)
    once(artifact, scans, log)
    assert names(log) == ["a.png"]


def test_removed_and_archived_pictures_are_left_alone(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], tmp_path: Path
) -> None:
    for number in range(3):
        draw(f"{number}.png", number)
    once(artifact, scans, log)
    with Logbook.open(log) as book:
        remove(book, find_path(book, "0.png"), "path")
        archive(book, "2100-01-01", tmp_path / "old.db")
        assert [record.kind for record in book.after(0)] == ["removal", "archive"]
    draw("renamed.png", 0)
    # The station was archived with the pictures, and is told again.
    change, notice = once(artifact, scans, log)
    assert isinstance(change, Record)
    assert change.kind == "change"
    assert notice == Notice("pictures that were removed from the log are left alone")
    os.utime(scans / "1.png", ns=(1, 1))
    assert [each for each in once(artifact, scans, log) if isinstance(each, Record)] == []
    draw("3.png", 3)
    assert len([each for each in once(artifact, scans, log) if isinstance(each, Record)]) == 1


def test_a_file_that_is_too_large_is_recorded(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeall.watching.reading.MOST_BYTES", 10)
    draw("a.png", 0)
    once(artifact, scans, log)
    once(artifact, scans, log)
    (entry,) = pictures(log)
    assert (entry.sha256, entry.answer) == (None, None)
    assert "larger than" in (entry.error or "")


def test_whole_fields_are_recorded_with_their_cells(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path]
) -> None:
    draw("a.png", 0)
    once(artifact, scans, log, cells=True)
    (entry,) = pictures(log)
    assert entry.answer is not None
    assert entry.answer["cells"] == []
    assert entry.station.cells
    assert entry.result.path == f"{scans}/a.png"


def test_a_folder_that_is_not_there_is_refused(artifact: Artifact, tmp_path: Path, log: Path) -> None:
    for wrong in ("absent", "file"):
        (tmp_path / "file").touch()
        with pytest.raises(UsageError, match="no such folder"):
            once(artifact, tmp_path / wrong, log)


def test_commits_are_at_most_a_second_apart(
    artifact: Artifact, scans: Path, log: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        draw(f"{number}.png", number)
    # One picture after the other.
    monkeypatch.setattr(Classifier, "in_order", lambda self, function, items, ahead: map(function, items))
    script = Script([nothing] * 4)
    real, sizes = Logbook.append, list[int]()

    def append(book: Logbook, entries: Any) -> list[Record]:
        sizes.append(len([each for each in entries if isinstance(each, PictureEntry)]))
        return real(book, entries)

    def answer(classifier: Classifier, found: Any) -> Any:
        # Each picture takes 0.4 seconds.
        script.seconds += 0.4
        return real_answer(classifier, found)

    real_answer = Classifier.answer
    monkeypatch.setattr(Logbook, "append", append)
    monkeypatch.setattr(Classifier, "answer", answer)
    list(scripted(artifact, scans, log, script=script))
    assert sum(sizes) == 9
    # The station and the first at once; then none waits for longer than a second and the picture in work.
    assert sizes == [0, 1, 1, 2, 3, 2]
