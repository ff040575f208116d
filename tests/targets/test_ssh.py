"""A board over a real ssh: the same answers as here, whatever the connection does meanwhile."""

import dataclasses
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from loopback_board import Link, LoopbackBoard
from small_run import draw, make_artifact, make_run

from edgeall import artifact
from edgeall.benching import bench, find_artifacts, fleet
from edgeall.errors import DeviceError, MeasurementError, UsageError
from edgeall.files import sha256_file
from edgeall.measuring.environment import environment
from edgeall.measuring.plan import Plan, PlannedArtifact, PlannedImage, Settings
from edgeall.measuring.records import End, Record, Start
from edgeall.progress import Advance
from edgeall.reporting import merge
from edgeall.reporting.fleet import fleet_cells
from edgeall.targets import Profile, SshTarget, found, load_profile

SHORT = Settings(rounds=2, threads=(1,), warmup_seconds=0.01, min_runs=12, min_seconds=0.02, max_seconds=5)


class Heard:
    """A listener that remembers, and does something when so many jobs are done."""

    def __init__(self, at: int | None = None, do: Callable[[], None] = lambda: None) -> None:
        self.notes: list[str] = []
        self.stages: list[str] = []
        self.done = 0
        self._at, self._do = at, do

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        self.stages.append(title)

        def advance(steps: int) -> None:
            if title.startswith("measuring"):
                self.done += steps
                if self.done == self._at:
                    self._do()

        yield advance

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackBoard]:
    with LoopbackBoard(tmp_path_factory.mktemp("board")) as board:
        yield board


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    draw(folder / "data", {"healthy": 10, "all": 10})
    run = make_run(folder / "runs" / "tiny", folder / "data")
    make_artifact(run, "onnx", "float32")
    make_artifact(run, "openvino", "float32")
    return folder


@pytest.fixture
def runs_folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "runs", tmp_path / "runs"))


@pytest.fixture(scope="module")
def plan(made: Path) -> Plan:
    """One ONNX artifact, two images."""
    opened = artifact.read(made / "runs" / "tiny" / "exports" / "tiny_onnx-float32.onnx")
    images = tuple(
        PlannedImage(path.name, str(path), sha256_file(path)) for path in sorted(made.glob("data/*/*0.png"))
    )
    return Plan((PlannedArtifact(str(opened.path), opened.sha256, "few"),), {"few": images}, SHORT)


def lines(runs_folder: Path, device: str) -> list[dict[str, Any]]:
    journal = runs_folder / "tiny" / "bench" / f"{device}.records.jsonl"
    return [json.loads(line) for line in journal.read_text().splitlines()]


def why(profile: Profile, plan: Plan, **options: Any) -> str:
    """Why a board does not measure, in one line."""
    with closing(SshTarget(profile, pauses=(), **options)) as target, pytest.raises(DeviceError) as raised:
        list(target.measure(plan, ()))
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_bench_over_ssh_gives_the_local_answers(board: LoopbackBoard, runs_folder: Path) -> None:
    paths = find_artifacts([], runs_folder)
    there = bench(paths, board.profile(), SHORT)
    here = bench(paths, load_profile("laptop"), SHORT)
    assert there["device"]["name"] == "loopback"
    assert len(there["results"]) == 2
    for ours, theirs in zip(here["results"], there["results"], strict=True):
        for key in ("artifact", "predictions", "accuracy", "executed_precision", "engine", "n"):
            assert ours[key] == theirs[key]
        assert len(theirs["latency_ms"]["raw"]) >= 12
        assert theirs["latency_kind"] == "measured"
    assert (runs_folder / "tiny" / "bench" / "loopback.json").is_file()


def test_what_is_there_is_not_sent_again(board: LoopbackBoard, plan: Plan) -> None:
    first, second = Heard(), Heard()
    for heard in (first, second):
        with closing(SshTarget(board.profile(folder="~/once"), heard)) as target:
            messages = list(target.measure(plan, ()))
        assert isinstance(messages[0], Start)
        assert isinstance(messages[-1], End)
    assert [stage.split(",")[0] for stage in first.stages] == [
        "sending edgeall and engines",
        "sending artifacts and images",
    ]
    assert second.stages == []


def test_what_was_spoilt_on_the_board_is_sent_again(board: LoopbackBoard, plan: Plan) -> None:
    with closing(SshTarget(board.profile(folder="~/spoilt"))) as target:
        list(target.measure(plan, ()))
    image = next((board.home / "spoilt" / "images").iterdir())
    image.write_bytes(b"worn out")
    with closing(SshTarget(board.profile(folder="~/spoilt"))) as target:
        records = [message for message in target.measure(plan, ()) if isinstance(message, Record)]
    assert records[0].result is not None
    assert records[0].result["unreadable"] == {}


def test_a_dropped_connection_is_taken_up_again_and_nothing_finished_is_repeated(
    board: LoopbackBoard, runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeall.targets.ssh.PAUSES_SECONDS", (0.0, 0.1, 0.5))
    kept: list[dict[str, Any]] = []

    def drop() -> None:
        kept.extend(lines(runs_folder, "dropped"))
        board.drop()

    heard = Heard(at=3, do=drop)
    document = bench(find_artifacts([], runs_folder), board.profile("dropped"), SHORT, progress=heard)
    assert any("trying again" in note for note in heard.notes)
    after = lines(runs_folder, "dropped")
    keys = [record["key"] for record in after]
    assert len(keys) == len(set(keys)) == heard.done == 8
    assert after[: len(kept)] == kept
    assert len(kept) == 3
    assert len({record["session"] for record in after}) == 2
    assert [len(row["latency_ms"]["rounds"]) for row in document["results"]] == [2, 2]


def test_a_board_that_stays_away_leaves_what_it_finished(
    board: LoopbackBoard, tmp_path: Path, runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeall.targets.ssh.PAUSES_SECONDS", (0.0, 0.0))
    with LoopbackBoard(tmp_path / "gone") as gone:
        heard = Heard(at=2, do=gone.stop)
        with pytest.raises(DeviceError, match="what was finished is kept, run the same command again"):
            bench(find_artifacts([], runs_folder), gone.profile("gone"), SHORT, progress=heard)
    assert len(lines(runs_folder, "gone")) == 2
    assert sum("trying again" in note for note in heard.notes) == 2
    # The same command, the board back (here: another door to the same machine).
    bench(find_artifacts([], runs_folder), board.profile("gone"), SHORT)
    assert len(lines(runs_folder, "gone")) == 8


def test_a_slow_link_only_takes_longer(board: LoopbackBoard, plan: Plan) -> None:
    with Link(board.port, bytes_per_second=400_000) as link:
        board.ssh_config.write_text(
            board.ssh_config.read_text() + f" HostKeyAlias [127.0.0.1]:{board.port}\n"
        )
        profile = board.profile(addresses=(board.address(port=link.port),), folder="~/slow")
        with closing(SshTarget(profile)) as target:
            messages = list(target.measure(plan, ()))
    assert isinstance(messages[-1], End)
    assert all(message.error is None for message in messages if isinstance(message, Record))
    assert link.passed > 100_000


def test_a_link_cut_while_files_are_sent_is_no_harm(board: LoopbackBoard, plan: Plan) -> None:
    board.ssh_config.write_text(board.ssh_config.read_text() + f" HostKeyAlias [127.0.0.1]:{board.port}\n")
    with Link(board.port, cut_after=90_000) as link:
        profile = board.profile(addresses=(board.address(port=link.port),), folder="~/cut")
        with closing(SshTarget(profile, pauses=(0.0,))) as target:
            messages = list(target.measure(plan, ()))
    assert link.cuts == 1
    assert isinstance(messages[-1], End)
    assert not list((board.home / "cut").rglob(".part.*"))


def test_stopping_stops_the_board(board: LoopbackBoard, plan: Plan) -> None:
    with closing(SshTarget(board.profile(folder="~/stopped"))) as target:
        with closing(target.measure(plan, ())) as messages:
            assert isinstance(next(messages), Start)
            assert isinstance(next(messages), Record)
        # Whoever measures holds the board's lock, and gives it back only by ending.
        with (board.home / "stopped" / "busy").open() as lock:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    time.sleep(0.05)
    pytest.fail("the board went on measuring")


def test_two_benches_at_once_do_not_spoil_each_others_figures(board: LoopbackBoard, plan: Plan) -> None:
    (board.home / "taken").mkdir()
    with (board.home / "taken" / "busy").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another bench is measuring on this board" in why(board.profile(folder="~/taken"), plan)


def test_a_board_of_an_unknown_key_is_not_trusted(board: LoopbackBoard, plan: Plan) -> None:
    board.know(None)
    try:
        words = why(board.profile(addresses=(board.address("localhost"),)), plan)
    finally:
        board.know("host")
    assert "host key is not known here yet" in words
    assert f"run 'ssh -p {board.port} localhost' once" in words


def test_a_board_whose_key_changed_is_refused(board: LoopbackBoard, plan: Plan) -> None:
    board.know("other")
    try:
        words = why(board.profile(addresses=(board.address("localhost"),)), plan)
    finally:
        board.know("host")
    assert "not the one known from before" in words
    assert f"ssh-keygen -R [localhost]:{board.port}" in words


def test_a_refused_login_tells_how_to_be_let_in(board: LoopbackBoard, plan: Plan, tmp_path: Path) -> None:
    config = tmp_path / "ssh.conf"
    config.write_text(board.ssh_config.read_text().replace("/user\n", "/other\n"))
    assert "ssh-copy-id" in why(board.profile(ssh_config=config), plan)


def test_a_port_where_nobody_listens(board: LoopbackBoard, plan: Plan) -> None:
    profile = board.profile(addresses=(board.address(port=1),))
    assert "raspi-config" in why(profile, plan)
    with closing(SshTarget(profile)) as target:
        assert "nothing answers there for ssh" in str(target.unreachable())


def test_the_first_address_that_answers_is_taken(board: LoopbackBoard) -> None:
    with closing(SshTarget(board.profile(addresses=(board.address(port=1), board.address())))) as target:
        assert target.unreachable() is None
        assert target.address == board.address()


def test_a_board_without_python_is_told_apart(board: LoopbackBoard, plan: Plan) -> None:
    assert "apt install python3" in why(board.profile(python="python3-is-not-here"), plan)


@pytest.mark.parametrize("python", ["python3; touch ~/pwned", "$(touch ~/pwned)", "-c 'touch ~/pwned'"])
def test_nothing_in_a_profile_reaches_the_boards_shell(board: LoopbackBoard, plan: Plan, python: str) -> None:
    why(board.profile(python=python), plan)
    with closing(SshTarget(board.profile(folder=f"~/{python}"))) as target:
        probe = target.examine().probe
    assert probe is not None
    assert probe["folder"] == str(board.home / python)
    assert not (board.home / "pwned").exists()


def test_an_image_that_has_gone_meanwhile_is_named(board: LoopbackBoard, plan: Plan) -> None:
    gone = (PlannedImage("gone.png", "/nowhere/gone.png", "0" * 64),)
    with (
        closing(SshTarget(board.profile())) as target,
        pytest.raises(UsageError, match=r"/nowhere/gone\.png"),
    ):
        list(target.measure(dataclasses.replace(plan, image_sets={"few": gone}), ()))


def test_a_full_disk_is_said_before_anything_is_sent(board: LoopbackBoard, plan: Plan) -> None:
    disk = board.home / "tiny-disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root alone")
    try:
        words = why(board.profile(folder="~/tiny-disk"), plan)
        assert "0.1 MB are free" in words or "0 MB are free" in words
        assert "make room" in words
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_meanwhile_leaves_no_half_file(board: LoopbackBoard, plan: Plan) -> None:
    # The system's own limit to a file's size, in kilobytes or half of them, in the place of a full disk.
    cramped = board.script("cramped-python", f'#!/bin/sh\nulimit -f 60\nexec {sys.executable} "$@"\n')
    words = why(board.profile(python=str(cramped), folder="~/cramped"), plan)
    assert "make room" in words
    assert not [path for path in (board.home / "cramped").rglob("*") if path.is_file()]


def fake_python(board: LoopbackBoard, name: str, probe: dict[str, Any] | None = None, **greeting: Any) -> str:
    """A mock in the place of the board's Python: says what it is told to say, runs nothing."""
    said = {
        "python": [3, 11, 2],
        "bits": 64,
        "machine": "aarch64",
        "system": "Linux",
        "libc": ["glibc", "2.36"],
    }
    text = "edgeall-greets " + json.dumps(said | greeting)
    answer = "" if probe is None else json.dumps(probe)
    # It reads its whole request, as the real one does: the greeting comes first, the answer last.
    script = f"#!/bin/sh\ncat <<'EOF'\n{text}\n{answer}\nEOF\n"
    return str(board.script(f"fake-python-{name}", script))


@pytest.mark.parametrize(
    ("name", "greeting", "words"),
    [
        ("32", {"machine": "armv7l", "bits": 32}, "install the 64-bit Raspberry Pi OS"),
        ("mixed", {"machine": "aarch64", "bits": 32}, "install the 64-bit Raspberry Pi OS"),
        ("zero", {"machine": "armv6l", "bits": 32}, "this processor has no 64-bit mode"),
        ("riscv", {"machine": "riscv64"}, "aarch64 and x86_64 only"),
        ("old", {"python": [3, 9, 2]}, "3.9.2 is too old"),
        ("glibc", {"libc": ["glibc", "2.24"]}, "glibc 2.24 is too old"),
        ("musl", {"libc": ["", ""]}, "not glibc"),
        ("mac", {"system": "Darwin"}, "--device laptop"),
    ],
)
def test_a_board_that_cannot_serve_is_told_why(
    board: LoopbackBoard, plan: Plan, name: str, greeting: dict[str, Any], words: str
) -> None:
    probe = None if "python" in greeting else probed("Raspberry Pi 5 Model B Rev 1.0")
    assert words in why(board.profile(python=fake_python(board, name, probe, **greeting)), plan)


def test_a_really_old_python_says_so_and_is_sent_nothing(board: LoopbackBoard, plan: Plan) -> None:
    older = filter(None, (shutil.which(f"python3.{minor}") for minor in range(4, 11)))
    # A version manager's stand-in for one that is not chosen is found, and does not run.
    works = (path for path in older if not subprocess.run([path, "-c", ""], capture_output=True).returncode)
    if (old := next(works, None)) is None:
        pytest.skip("no Python 3 older than 3.11 is here")
    assert "is too old, 3.11 or newer is needed" in why(board.profile(python=old, folder="~/old"), plan)
    assert not (board.home / "old").exists()


def probed(model: str | None, **changes: Any) -> dict[str, Any]:
    """What a healthy board answers, but for `changes` to its environment."""
    told = environment() | {"model": model, "memory_available_bytes": 4 * 10**9, "throttled_bits": 0}
    return {
        "folder": "/home/pi/.cache/edgeall",
        "writable": True,
        "executable": True,
        "disk_free_bytes": 10**10,
        "clock": time.time(),
        "environment": told | changes,
    }


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Raspberry Pi 5 Model B Rev 1.0", "rpi5"),
        ("Raspberry Pi 400 Rev 1.0", "rpi4"),
        ("Raspberry Pi Compute Module 4 Rev 1.1", "rpi4"),
        ("Raspberry Pi 3 Model B Plus Rev 1.3", "rpi"),
    ],
)
def test_rpi_is_the_board_that_answers(board: LoopbackBoard, model: str, name: str) -> None:
    python = fake_python(board, f"model-{name}", probed(model))
    asked = dataclasses.replace(load_profile("rpi"), board=board.profile(python=python).board)
    device = found(asked, board.address())
    assert device.name == f"{name}-127.0.0.1-{board.port}"
    assert device.board is not None
    assert device.board.addresses == (board.address(),)
    assert device.board.versions == ({"openvino": "2025.4.1"} if name == "rpi4" else {})
    assert found(asked).name == name


def test_a_board_of_another_model_is_not_filed_under_a_wrong_name(board: LoopbackBoard, plan: Plan) -> None:
    python = fake_python(board, "other-model", probed("Raspberry Pi 4 Model B Rev 1.4"))
    profile = board.profile(python=python, models=("Raspberry Pi 5",))
    assert "Raspberry Pi 4 Model B Rev 1.4 is not what loopback describes" in why(profile, plan)


def test_a_board_that_throttles_is_marked_in_its_results(tmp_path: Path, runs_folder: Path) -> None:
    """`vcgencmd` here is a mock of the firmware's tool: all is well at first, then the board is throttled."""
    counter = tmp_path / "asked"
    bin_folder = tmp_path / "slow" / "bin"
    with LoopbackBoard(tmp_path / "slow", PATH=f"{bin_folder}:{os.environ['PATH']}") as board:
        board.script(
            "vcgencmd",
            f'#!/bin/sh\necho x >> {counter}\n[ "$(wc -l < {counter})" -gt 12 ] && bits=0x40004 || bits=0x0\n'
            'echo "throttled=$bits"\n',
        )
        document = bench(find_artifacts([], runs_folder), board.profile("slow"), SHORT)
    assert [row["thermal"]["throttled"] for row in document["results"]] == [True, True]
    assert document["environment"]["before"]["throttled_bits"] == 0
    assert document["environment"]["after"]["throttled_bits"] == 0x40004
    cells = fleet_cells(merge([("slow", document)]))
    assert all("throttled" in cell for (cell,) in cells.values())


def test_a_fleet_has_a_file_a_board_and_one_table(
    board: LoopbackBoard, tmp_path: Path, runs_folder: Path
) -> None:
    paths = find_artifacts(["tiny"], runs_folder)[:1]
    with LoopbackBoard(tmp_path / "second") as second:
        at = {
            "one": board.profile(folder="~/fleet").at(board.address()),
            "two": second.profile().at(second.address()),
            "off": board.profile().at(board.address(port=1)),
        }
        heard = Heard()
        documents, errors = fleet(
            {
                name: lambda progress, it=it: bench(paths, it, SHORT, progress=progress)
                for name, it in at.items()
            },
            heard,
        )
    assert list(documents) == ["one", "two"]
    assert isinstance(errors["off"], MeasurementError)
    for each in (board, second):
        assert (runs_folder / "tiny" / "bench" / f"loopback-127.0.0.1-{each.port}.json").is_file()
    cells = fleet_cells(merge(list(documents.items())))
    assert [len(row) for row in cells.values()] == [2]
    assert any(stage.startswith("one: measuring") for stage in heard.stages)
