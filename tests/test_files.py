"""Files and folders are whole or absent, and what stood at a place is there until the new one is in it."""

import errno
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from killed_replacing import content, fill, replace

from edgeall import files
from edgeall.errors import FileError, UsageError

posix = pytest.mark.skipif(os.name == "nt", reason="needs folder locks and fork")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder that is to be replaced."""
    fill(tmp_path / "runs" / "mob", b"o")
    return tmp_path / "runs" / "mob"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_replaces_another(old: Path, exchange: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not exchange:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    replace(old)
    assert content(old) == "new"
    assert names(old.parent) == ["mob"]


def test_a_folder_is_not_replaced_unasked(old: Path) -> None:
    with pytest.raises(UsageError, match="--overwrite"), files.replacing_folder(old):
        raise AssertionError("nothing is made in vain")
    assert content(old) == "old"


@pytest.mark.parametrize("way", ["exchange", "renames"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_a_failing_rename_leaves_the_old_folder(
    old: Path, way: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every rename of the new folder fails; those of the old one do not."""
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.suffix == ".new":
            raise OSError(number, os.strerror(number), str(self))
        return rename(self, target)

    def exchange(one: Path, other: Path) -> bool:
        if way == "exchange":
            raise OSError(number, os.strerror(number), str(other))
        return False

    monkeypatch.setattr(Path, "rename", failing)
    monkeypatch.setattr(files, "_exchange", exchange)
    with pytest.raises(FileError, match=f"mob: cannot be written .{os.strerror(number)}"):
        replace(old)
    assert content(old) == "old"
    assert names(old.parent) == ["mob"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs the mount command")
    if done.returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_the_old_folder_and_the_old_file(small_disk: Path) -> None:
    path = small_disk / "run"
    fill(path, b"o")
    with pytest.raises(FileError, match=r"run: cannot be written .No space left"):  # noqa: SIM117
        with files.replacing_folder(path, overwrite=True) as part:
            (part / "large").write_bytes(bytes(1 << 20))
    assert content(path) == "old"
    assert names(small_disk) == ["run"]
    with pytest.raises(FileError, match=r"one.bin: cannot be written .No space left"):
        files.write_text(path / "one.bin", "x" * (1 << 20))
    assert content(path) == "old"


def test_a_full_disk_can_still_exchange_two_folders(small_disk: Path) -> None:
    path = small_disk / "run"
    fill(path, b"o")
    with files.replacing_folder(path, overwrite=True) as part:
        fill(part, b"n")
        with pytest.raises(OSError, match="No space left"):
            (small_disk / "rest").write_bytes(bytes(1 << 20))
    assert content(path) == "new"


@posix
@pytest.mark.parametrize("way", ["exchange", "renames"])
def test_a_process_that_is_stopped_anywhere_leaves_the_old_or_the_new_folder(way: str) -> None:
    """At each line, and with EDGEALL_EVERY_STEP (make test-kills) at each instruction, of what replaces a folder."""
    every = "opcode" if os.environ.get("EDGEALL_EVERY_STEP") else "line"
    # In memory where there is such a file system: flushing to it takes no time.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        script = Path(__file__).with_name("killed_replacing.py")
        done = subprocess.run(
            [sys.executable, script, folder, every, way], capture_output=True, text=True, check=True
        )
    told = json.loads(done.stdout)
    print(told)
    assert told["children"] > 300
    allowed = {f"{name}: {what}, then {what}" for name in ("SIGKILL", "SIGINT") for what in ("old", "new")}
    if way == "renames":
        # Between the two renames; the next call puts the old one back.
        allowed |= {"SIGKILL: none, then old"}
    assert set(told["found"]) == allowed


@posix
def test_what_a_living_process_makes_is_left_alone_and_what_a_killed_one_left_is_cleared(old: Path) -> None:
    state, dead = old.with_name(".mob.training"), old.with_name(".mob.abcdefgh.new")
    others = [old.with_name(".mobile.abcdefgh.new"), old.with_name(".mob.x.abcdefgh.new")]
    for folder in (state, dead, *others):
        fill(folder, b"x")
    with files.replacing_folder(old, overwrite=True) as living:
        fill(living, b"n")
        assert not dead.exists()
        with files.replacing_folder(old, overwrite=True) as second:
            assert living.is_dir()
            fill(second, b"o")
        assert content(old) == "old"
    assert content(old) == "new"
    assert names(old.parent) == sorted(["mob", state.name, *(folder.name for folder in others)])


def test_what_was_moved_away_and_never_replaced_is_put_back(old: Path) -> None:
    old.rename(old.with_name(".mob.abcdefgh.old"))
    with pytest.raises(UsageError, match="exists already"), files.replacing_folder(old):
        pass
    assert content(old) == "old"


@posix
def test_a_link_is_replaced_and_what_it_leads_to_stays(old: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(old)
    replace(link)
    assert not link.is_symlink()
    assert content(link) == "new"
    assert content(old) == "old"


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Permissions of files and folders as they are flushed to disk, which can take long, and as they are moved."""
    seen: list[int] = []
    flush, move = files._flush, Path.replace

    def flushed(path: Path) -> None:
        seen.append(stat.S_IMODE(path.stat().st_mode))
        flush(path)

    def moved(self: Path, target: Path) -> Path:
        seen.append(stat.S_IMODE(self.stat().st_mode))
        return move(self, target)

    monkeypatch.setattr(files, "_flush", flushed)
    monkeypatch.setattr(Path, "replace", moved)
    return seen


@posix
def test_a_private_file_is_private_at_any_time(tmp_path: Path, modes: list[int]) -> None:
    with files.replacing(tmp_path / "private", mode=0o600) as part:
        part.write_text("on people")
    assert modes[:2] == [0o600, 0o600]
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600


@posix
def test_a_result_has_the_usual_permissions_and_the_umask_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "usual").touch()
    usual = stat.S_IMODE((tmp_path / "usual").stat().st_mode)
    # A moment with another mask would be one for the files of other threads too.
    monkeypatch.setattr(os, "umask", None)
    with files.replacing(tmp_path / "file") as part:
        part.touch()
    with files.replacing_folder(tmp_path / "folder"):
        pass
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == usual
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) & 0o666 == usual


@posix
def test_one_waits_for_another_that_holds_a_file(tmp_path: Path) -> None:
    lock = tmp_path / "bench" / "lock"
    code = (
        "import sys; from pathlib import Path; from edgeall import files\n"
        "with files.alone(Path(sys.argv[1]), lambda: print('waiting', flush=True)): print('in', flush=True)"
    )
    with files.alone(lock, lambda: pytest.fail("nobody else holds it")):
        other = subprocess.Popen([sys.executable, "-c", code, lock], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "waiting\n"
        assert other.poll() is None
    assert other.stdout.readline() == "in\n"
    assert other.wait() == 0
    other.stdout.close()


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 2048)
    assert files.read_at_most(path, 2048) == b"x" * 2048
    with pytest.raises(ValueError, match="larger than 1 KiB"):
        files.read_at_most(path, 1024)


@pytest.mark.skipif(os.name == "nt", reason="a device file")
def test_what_has_no_size_is_read_up_to_its_bound() -> None:
    with pytest.raises(ValueError, match="larger than 3 MiB"):
        files.read_at_most("/dev/zero", 3 << 20)
    # Of size 0, as the system tells it.
    assert b"processor" in files.read_at_most("/proc/cpuinfo", 1 << 20)
