"""Work in threads ahead of the consumer: as much as was asked for, in order, and none that nobody waits for."""

import threading
from collections.abc import Iterator

import pytest

from edgeall.field.reading_ahead import in_order, usable_processors


def test_results_are_in_the_order_of_the_items_whichever_is_done_first() -> None:
    last = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert last.wait(30)
        if item == 3:
            last.set()
        return 10 * item

    with in_order(work, range(4), workers=2, ahead=4) as results:
        assert list(results) == [0, 10, 20, 30]


def test_work_begins_before_the_first_result_is_asked_for() -> None:
    begun = threading.Event()
    with in_order(lambda item: begun.set(), [1], workers=1, ahead=1):
        assert begun.wait(30)


def test_items_are_taken_as_they_are_needed_and_in_the_caller_s_thread() -> None:
    taken: list[int] = []
    threads = set()

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            threads.add(threading.current_thread())
            yield item

    with in_order(abs, items(), workers=2, ahead=3) as results:
        assert taken == [0, 1, 2]
        assert next(results) == 0
        assert taken == [0, 1, 2, 3]
        assert next(results) == 1
        assert taken == [0, 1, 2, 3, 4]
    assert threads == {threading.current_thread()}


def test_function_runs_in_as_many_threads_as_there_are_workers() -> None:
    together = threading.Barrier(3)
    with in_order(lambda item: together.wait(30), range(3), workers=3, ahead=3) as results:
        assert sorted(results) == [0, 1, 2]


def test_an_error_of_the_function_comes_in_its_place_and_ends_the_results() -> None:
    results = in_order(lambda item: 1 // item, [1, 0, 1], workers=2)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(results) == []


def test_an_error_of_the_items_comes_after_the_results_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("no more")

    results = in_order(abs, items(), workers=2, ahead=5)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(OSError, match="no more"):
        next(results)


def test_after_close_what_has_not_begun_is_never_done() -> None:
    go, done = threading.Event(), []

    def work(item: int) -> None:
        assert go.wait(30)
        done.append(item)

    before = threading.active_count()
    results = in_order(work, range(5), workers=1, ahead=5)
    threading.Timer(0.05, go.set).start()
    results.close()
    results.close()
    assert done in ([], [0])
    assert list(results) == []
    assert threading.active_count() <= before + 1  # the timer's


def test_ctrl_c_while_waiting_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    results = in_order(abs, range(10), workers=2)
    waiting = results._waiting[0]
    monkeypatch.setattr(waiting, "result", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        next(results)
    assert threading.active_count() == before


def test_nothing_gives_nothing() -> None:
    assert list(in_order(abs, [])) == []


def test_there_is_a_processor() -> None:
    assert usable_processors() >= 1
