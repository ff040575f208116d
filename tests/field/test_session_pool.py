"""Sessions for several threads: opened as they are needed, each for one thread at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_models import SmallModel

from edgeall.artifact import Artifact
from edgeall.errors import EngineError, SelftestError
from edgeall.field import session_pool
from edgeall.field.session_pool import SessionPool
from edgeall.runtimes import Session


@pytest.fixture(scope="module")
def artifact(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny.sealed("tflite-fp32", tmp_path_factory.mktemp("pool"))


def nothing(session: Session) -> None:
    pass


def at_once(pool: SessionPool, threads: int) -> list[Session]:
    """Sessions that so many threads hold at the same time."""
    together = threading.Barrier(threads)

    def hold(_: int) -> Session:
        with pool.session() as session:
            together.wait(60)
            return session

    with ThreadPoolExecutor(threads) as executor:
        return list(executor.map(hold, range(threads)))


def test_each_thread_has_a_session_of_its_own(artifact: Artifact) -> None:
    pool = SessionPool(artifact, 1, 3)
    pool.begin(nothing)
    assert len({id(session) for session in at_once(pool, 3)}) == 3
    pool.close()


def test_one_thread_alone_opens_one_session(artifact: Artifact) -> None:
    pool = SessionPool(artifact, 1, 3)
    first: list[Session] = []
    pool.begin(first.append)
    for _ in range(3):
        with pool.session() as session:
            assert session is first[0]
    pool.close()


@pytest.mark.parametrize("reason", ["most", "large"])
def test_threads_share_a_session_where_there_are_to_be_no_more(
    artifact: Artifact, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason == "large":
        monkeypatch.setattr(session_pool, "MOST_BYTES", artifact.size_bytes * 2 - 1)
    pool = SessionPool(artifact, 1, 1 if reason == "most" else 4)
    first: list[Session] = []
    pool.begin(first.append)
    held: list[int] = []

    def use(_: int) -> Session:
        with pool.session() as session:
            held.append(1)
            assert sum(held) == 1
            held.pop()
            return session

    with ThreadPoolExecutor(4) as executor:
        assert set(map(id, executor.map(use, range(40)))) == {id(first[0])}
    pool.close()


def test_where_a_further_session_cannot_be_opened_threads_share(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = SessionPool(artifact, 1, 2)
    pool.begin(nothing)
    refused = threading.Event()

    def refuse(artifact: Artifact, threads: int) -> Session:
        refused.set()
        raise EngineError("no memory")

    def use() -> Session:
        with pool.session() as session:
            return session

    monkeypatch.setattr(session_pool, "open_session", refuse)
    with ThreadPoolExecutor(1) as executor:
        with pool.session() as first:
            second = executor.submit(use)
            assert refused.wait(60)
        assert second.result(60) is first
    pool.close()


def test_threads_that_wait_for_the_first_session_are_let_go(artifact: Artifact) -> None:
    pool = SessionPool(artifact, 1, 2)
    with ThreadPoolExecutor(1) as executor:

        def use() -> None:
            with pool.session():
                pass

        waiting = executor.submit(use)
        pool.give_up()
        with pytest.raises(EngineError, match="its engine is closed"):
            waiting.result(60)


def test_an_engine_that_fails_its_check_is_closed_and_not_given_out(artifact: Artifact) -> None:
    pool = SessionPool(artifact, 1, 2)
    opened: list[Session] = []

    def wrong(session: Session) -> None:
        opened.append(session)
        raise SelftestError("answers wrong here")

    with pytest.raises(SelftestError):
        pool.begin(wrong)
    with pytest.raises(EngineError, match="its session is closed"):
        opened[0].executed_precision()
    pool.give_up()
    with pytest.raises(EngineError), pool.session():
        pass


def test_a_model_that_cannot_be_loaded_is_an_error(artifact: Artifact, tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        SessionPool(Artifact(tmp_path / "absent.tflite", artifact.metadata, "", 1), 1, 1).begin(nothing)
