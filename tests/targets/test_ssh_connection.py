"""A board over a real ssh: the same answers as here, whatever the connection does meanwhile."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tiny_bench import bench

pytest.importorskip("scipy", reason="benching needs the workstation's packages")

from loopback_board import Link, LoopbackBoard
from over_ssh import SHORT, Heard, lines, why

from edgeall.benching import find_artifacts
from edgeall.errors import DeviceError
from edgeall.measuring.plan import Plan
from edgeall.measuring.records import EndOfMeasuring, Record, Start
from edgeall.targets import SshTarget, load_profile


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


def test_a_board_corrupts_pictures_as_this_machine_does(board: LoopbackBoard, runs_folder: Path) -> None:
    path = find_artifacts([], runs_folder)[0]
    there = bench([path], board.profile(), SHORT, corruption_images=2)
    here = bench([path], load_profile("laptop"), SHORT, corruption_images=2)
    assert len(there["results"][0]["corruptions"]["points"]) == 40
    assert there["results"][0]["corruptions"] == here["results"][0]["corruptions"]
    answers = {
        name: [line["result"]["probabilities"] for line in lines(runs_folder, name) if line["change"]]
        for name in ("loopback", "laptop")
    }
    assert answers["loopback"] == answers["laptop"]


def test_what_is_there_is_not_sent_again(board: LoopbackBoard, plan: Plan) -> None:
    first, second = Heard(), Heard()
    for heard in (first, second):
        with closing(SshTarget(board.profile(folder="~/once"), heard)) as target:
            messages = list(target.measure(plan, ()))
        assert isinstance(messages[0], Start)
        assert isinstance(messages[-1], EndOfMeasuring)
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
        with pytest.raises(DeviceError, match="finished jobs are kept, run the same command again"):
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
    assert isinstance(messages[-1], EndOfMeasuring)
    assert all(message.error is None for message in messages if isinstance(message, Record))
    assert link.passed > 100_000


def test_a_link_cut_while_files_are_sent_is_no_harm(board: LoopbackBoard, plan: Plan) -> None:
    board.ssh_config.write_text(board.ssh_config.read_text() + f" HostKeyAlias [127.0.0.1]:{board.port}\n")
    with Link(board.port, cut_after=90_000) as link:
        profile = board.profile(addresses=(board.address(port=link.port),), folder="~/cut")
        with closing(SshTarget(profile, pauses=(0.0,))) as target:
            messages = list(target.measure(plan, ()))
    assert link.cuts == 1
    assert isinstance(messages[-1], EndOfMeasuring)
    assert not list((board.home / "cut").rglob(".part.*"))


def test_stopping_stops_the_board(board: LoopbackBoard, plan: Plan) -> None:
    import fcntl

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
    import fcntl

    (board.home / "taken").mkdir()
    with (board.home / "taken" / "busy").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another bench is measuring on this board" in why(board.profile(folder="~/taken"), plan)
