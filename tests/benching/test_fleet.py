"""Scheduling of many boards: bounded, and one board's failure is its own. Boards are mocks here: a function each."""

import threading
from collections.abc import Callable

import pytest

from edgeall.benching import BoardOutcome, census, fleet
from edgeall.errors import DeviceError
from edgeall.progress import SILENT, Progress
from edgeall.results import Document, Failure
from edgeall.results.document import Device, Environment

Work = Callable[[Progress], Document]


def mock_document(failures: tuple[Failure, ...] = ()) -> Document:
    device = Device(name="mock", emulated=False)
    return Document(
        edgeall="0", device=device, environment=Environment({}, {}), results=(), failures=failures, notes=()
    )


def raising(error: BaseException) -> Work:
    def work(progress: Progress) -> Document:
        raise error

    return work


class MockBoards:
    """Boards that measure until as many are measured as may be at once, so that fewer would never end."""

    def __init__(self, at_once: int) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()
        self._full = threading.Barrier(at_once)

    def measure(self, progress: Progress) -> Document:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self._full.wait(timeout=60)
        with self._lock:
            self._now -= 1
        return mock_document()


def test_as_many_boards_are_measured_at_once_as_are_asked_for() -> None:
    boards = MockBoards(at_once=4)
    outcomes = list(fleet({f"board-{n}": boards.measure for n in range(100)}, SILENT, at_once=4))
    assert sorted(outcome.name for outcome in outcomes) == sorted(f"board-{n}" for n in range(100))
    assert boards.most == 4
    assert threading.active_count() < 20


def test_a_board_that_fails_leaves_the_rest() -> None:
    failure = Failure(artifact="a.onnx", error="no")
    work: dict[str, Work] = {
        "off": raising(DeviceError("off: does not answer")),
        "full": raising(OSError(28, "No space left on device", "/runs/tiny/bench")),
        "whole": lambda progress: mock_document(),
        "in part": lambda progress: mock_document((failure, failure)),
    }
    ended = {outcome.name: outcome for outcome in fleet(work, SILENT, at_once=1)}
    assert list(ended) == list(work)
    assert str(ended["off"].error) == "off: does not answer"
    assert str(ended["full"].error) == "this machine: /runs/tiny/bench: No space left on device"
    assert ended["in part"].failed == ("a.onnx",)
    assert census(ended.values()) == "4 boards: 1 measured, 1 measured in part, 2 not measured"


def test_a_bug_is_raised_after_the_other_boards() -> None:
    work: dict[str, Work] = {"one": raising(ZeroDivisionError()), "other": lambda progress: mock_document()}
    seen: list[BoardOutcome] = []
    with pytest.raises(ZeroDivisionError):
        seen.extend(fleet(work, SILENT, at_once=1))
    outcomes = fleet(work, SILENT, at_once=1)
    assert next(outcomes).name == "other"


def test_an_outcome_without_its_document_keeps_its_counts() -> None:
    outcome = BoardOutcome.of("pi", mock_document((Failure(artifact="a.onnx", error="no"),))).dropped()
    assert outcome.document is None
    assert str(outcome) == "pi: measured, 0 results, 1 failed"
