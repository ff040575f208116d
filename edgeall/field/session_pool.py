"""Sessions of one artifact for several threads, opened as they are needed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from edgeall.artifact import Artifact
from edgeall.errors import EngineError
from edgeall.runtimes import EngineInfo, Session, open_session

MOST_BYTES = 256 * 2**20
"""Most bytes of model files that are loaded. An engine needs one to three times as much memory for each session. Four
sessions of a float32 MobileNetV2 stay below, and one of a float32 VGG16 does not."""


class EngineClosed(EngineError):
    """The engine is closed, for a reason that is not the picture's that waits for it."""


class SessionPool:
    """Sessions of which each serves one thread at a time. Threads wait for the first one.

    Attributes:
        engine: None before `begin`.
    """

    def __init__(self, artifact: Artifact, threads: int, most: int) -> None:
        """
        Args:
            threads: of each engine.
            most: sessions, at most; fewer of large artifacts, see `MOST_BYTES`.
        """
        self._artifact, self._threads = artifact, threads
        self._most = max(1, min(most, MOST_BYTES // max(1, artifact.size_bytes)))
        self._free: list[Session] = []
        self._opened = 0
        self._given_up = False
        self.engine: EngineInfo | None = None
        self._changed = Condition()

    def begin(self, check: Callable[[Session], None]) -> None:
        """Open the first session, and let threads have it after `check`.

        Raises:
            MissingExtraError, EngineError: the engine is not installed, or cannot load the artifact; and what `check`
                raises.
        """
        session = open_session(self._artifact, self._threads)
        try:
            check(session)
        except BaseException:
            session.close()
            raise
        with self._changed:
            self.engine = session.engine
            self._free.append(session)
            self._opened = 1
            self._changed.notify_all()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session for the block.

        Raises:
            EngineClosed: `give_up` was called.
        """
        session = self._take()
        try:
            yield session
        finally:
            with self._changed:
                self._free.append(session)
                self._changed.notify()

    def give_up(self) -> None:
        """Let no thread wait for a session any more."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()

    def close(self) -> None:
        """Close the sessions, none of which is in use."""
        for session in self._free:
            session.close()
        self._free.clear()

    def _take(self) -> Session:
        with self._changed:
            while not self._free:
                if self._given_up:
                    raise EngineClosed(f"{self._artifact.path}: its engine is closed: start edgeall again")
                if 0 < self._opened < self._most:
                    self._opened += 1
                    break
                self._changed.wait()
            else:
                return self._free.pop()
        try:
            return open_session(self._artifact, self._threads)
        except EngineError:
            # One session is there: this thread shares it, as where the artifact is too large for several.
            with self._changed:
                self._most = 1
        return self._take()
