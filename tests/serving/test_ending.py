"""A station ends when it is told to, and when it cannot do what it is there for."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from edgeall.artifact import Artifact
from edgeall.field import Classifier
from edgeall.logbook import Logbook
from edgeall.serving import Address, Settings, serve
from edgeall.serving.feed import Feed


@pytest.fixture
def end(artifact: Artifact, tmp_path: Path) -> Callable[[Callable[[Address], None]], list[BaseException]]:
    """Runs a station that nobody stops, and returns what it ends with; its argument is told the address."""

    def run(started: Callable[[Address], None]) -> list[BaseException]:
        errors = list[BaseException]()

        def work() -> None:
            try:
                with (
                    Logbook.open(tmp_path / "log.db", create=True) as log,
                    Classifier(artifact) as classifier,
                ):
                    serve(classifier, log, Settings(port=0), started=started, stop=Event())
            except BaseException as error:
                errors.append(error)

        # One that does not end must not keep the tests from ending.
        thread = Thread(target=work, daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
        return errors

    return run


def test_a_station_that_cannot_say_where_it_is_ends_with_the_reason(
    end: Callable[[Callable[[Address], None]], list[BaseException]],
) -> None:
    def started(address: Address) -> None:
        raise OSError("standard output is closed")

    (error,) = end(started)
    assert str(error) == "standard output is closed"


def test_a_station_whose_live_feed_fails_ends_with_the_reason(
    end: Callable[[Callable[[Address], None]], list[BaseException]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(feed: Feed) -> None:
        raise RuntimeError("the feed fails")

    monkeypatch.setattr(Feed, "run", run)
    (error,) = end(lambda address: None)
    assert str(error) == "the feed fails"
