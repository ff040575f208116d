"""Golden pictures are run at the first use after boot, and again when something has changed; wrong ones each time."""

import os
from pathlib import Path

import golden_artifacts
import pytest

from edgeall import runtimes
from edgeall.artifact import Artifact
from edgeall.errors import SelftestError
from edgeall.golden import remembered
from edgeall.golden.remembered import check_once

BOOT = "3f1c0d2e-0000-4000-8000-000000000001"


@pytest.fixture
def made(tmp_path: Path) -> Artifact:
    return golden_artifacts.write(tmp_path)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def runs(made: Artifact, state: Path, boot: str | None = BOOT, threads: int = 1) -> bool:
    """Whether the pictures are run."""
    with runtimes.open_session(made, threads) as session:
        return check_once(made, session, boot=boot, folder=state) is not None


def file_of(made: Artifact, state: Path) -> Path:
    return state / f"{made.sha256}.txt"


def test_the_first_use_after_boot_runs_them_and_later_ones_do_not(made: Artifact, state: Path) -> None:
    assert [runs(made, state) for _ in range(3)] == [True, False, False]
    assert [runs(made, state, boot="another boot") for _ in range(2)] == [True, False]


def test_other_threads_are_other_settings_and_each_is_remembered(made: Artifact, state: Path) -> None:
    assert [runs(made, state, threads=threads) for threads in (1, 2, 1, 2)] == [True, True, False, False]


def test_another_artifact_has_its_own_memory(made: Artifact, state: Path, tmp_path: Path) -> None:
    other = golden_artifacts.write(tmp_path, name="other", factor=1.1)
    assert [runs(each, state) for each in (made, other, made, other)] == [True, True, False, False]


@pytest.mark.parametrize("part", ["name", "version"])
def test_another_engine_runs_them_again(
    made: Artifact, state: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    assert runs(made, state)
    with runtimes.open_session(made) as session:
        object.__setattr__(session.engine, part, "another")
        assert check_once(made, session, boot=BOOT, folder=state) is not None


def test_another_processor_runs_them_again(
    made: Artifact, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runs(made, state)
    (tmp_path / "cpuinfo").write_text(
        "processor\t: 0\nmodel name\t: another\nflags\t\t: avx2 avx512_bf16\n\n"
    )
    monkeypatch.setattr(remembered, "_PROCESSOR", tmp_path / "cpuinfo")
    assert [runs(made, state) for _ in range(2)] == [True, False]


def test_the_clock_of_the_processor_is_no_change(
    made: Artifact, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "_PROCESSOR", tmp_path / "cpuinfo")
    found = []
    for clock in (2000, 3000):
        (tmp_path / "cpuinfo").write_text(f"model name\t: one\ncpu MHz\t\t: {clock}\nflags\t\t: avx2\n\n")
        found.append(runs(made, state))
    assert found == [True, False]


def test_an_engine_s_environment_variable_runs_them_again(
    made: Artifact, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runs(made, state)
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    assert runs(made, state)


def test_wrong_answers_are_never_remembered_as_right(made: Artifact, state: Path, tmp_path: Path) -> None:
    wrong = golden_artifacts.write(tmp_path, name="wrong", factor=1.5, golden=made.metadata.golden)
    for _ in range(2):
        with pytest.raises(SelftestError):
            runs(wrong, state)
    assert not file_of(wrong, state).exists()


def test_where_a_boot_has_no_name_they_run_each_time(
    made: Artifact, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "_BOOT", state / "no such file")
    assert [runs(made, state, boot=None) for _ in range(2)] == [True, True]
    assert not state.exists()


@pytest.mark.parametrize("content", [b"", b"\0\xff garbage", b"x" * 100_000, f"{BOOT}\nnothing\n".encode()])
def test_a_damaged_file_is_as_none(made: Artifact, state: Path, content: bytes) -> None:
    state.mkdir()
    file_of(made, state).write_bytes(content)
    assert [runs(made, state) for _ in range(2)] == [True, False]


def test_a_cut_line_is_no_memory(made: Artifact, state: Path) -> None:
    assert runs(made, state)
    file_of(made, state).write_bytes(file_of(made, state).read_bytes()[:-2])
    assert runs(made, state)


def test_a_folder_or_a_link_in_its_place_is_no_memory(made: Artifact, state: Path, tmp_path: Path) -> None:
    assert runs(made, state)
    kept = tmp_path / "elsewhere.txt"
    file_of(made, state).rename(kept)
    file_of(made, state).symlink_to(kept)
    assert runs(made, state), "a link is not followed"
    file_of(made, state).unlink()
    file_of(made, state).mkdir()
    assert [runs(made, state) for _ in range(2)] == [True, True]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to give a file away")
def test_a_file_of_another_user_is_no_memory(made: Artifact, state: Path) -> None:
    assert runs(made, state)
    os.chown(file_of(made, state), 12345, 12345)
    assert runs(made, state)


def test_where_nothing_can_be_written_they_run_each_time(made: Artifact, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert [runs(made, tmp_path / "file" / "below") for _ in range(2)] == [True, True]


def test_the_file_is_kept_in_the_cache_folder(
    made: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with runtimes.open_session(made) as session:
        check_once(made, session, boot=BOOT)
    assert [file.name for file in (tmp_path / "cache/edgeall/selftest").iterdir()] == [f"{made.sha256}.txt"]


def test_the_file_does_not_grow_without_end(
    made: Artifact, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        monkeypatch.setenv("OMP_TEST", str(number))
        assert runs(made, state)
    assert len(file_of(made, state).read_text().splitlines()) == 9
    assert not runs(made, state), "the latest is kept"
