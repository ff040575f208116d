"""A link to a board is cut, slow, or silent at each step: the bench goes on by itself, with the same answers.

Needs an OpenSSH server.
"""

import contextlib
import os
import random
import shutil
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from campaign import Kind, Missing, promise
from loopback_board import Link, LoopbackBoard
from over_ssh import SHORT
from small_run import draw, make_artifact, make_run

from edgeall import artifact
from edgeall.files import sha256_file
from edgeall.measuring.plan import Plan, PlannedArtifact, PlannedImage
from edgeall.measuring.records import EndOfMeasuring, Record
from edgeall.targets import SshTarget
from edgeall.targets.connection import Connection

STEPS = ("connect", "probe", "missing", "receive", "unpack", "write", "engines", "measure")
"""The login, and the verbs of a board's agent in the order of a bench."""

WAYS = ("cut towards the board", "cut on the way back", "slow", "silent")
EACH = 2
"""Trials of each step and way, cut after other numbers of bytes."""

CONNECT_SECONDS = 3
PATIENT = '#!/bin/sh\nexec {ssh} -o ServerAliveInterval=2 "$@"\n'
"""ssh as edgeall calls it, but for how soon it notices a link that carries nothing: after 6 s, not 45."""

SLOW_SECONDS = 1.5


class SteppedLink(Link):
    """A link that fails in one way during one step, once.

    Attributes:
        carried: bytes of the first call of each step by direction (True: towards the board).
        failures: how often it was cut, slowed or made silent.
    """

    def __init__(
        self, to_port: int, step: str = "", way: str = "", after: int = 0, rate: float = 1.0
    ) -> None:
        """`after`: so many bytes of the step pass before it is cut or silent. `rate`: bytes a second where slow."""
        super().__init__(to_port)
        self._step, self._way, self._after, self._seconds_a_byte = step, way, after, 1 / rate
        self._now, self._passed, self._again = "", 0, False
        self._silent: set[socket.socket] = set()
        self.carried: dict[tuple[str, bool], int] = {}
        self.failures = 0

    def begin(self, step: str) -> None:
        self._again = step in {known for known, _ in self.carried}
        self._now, self._passed = step, 0

    def _pipe(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(1024):
                if not self._again:
                    self.carried[self._now, up] = self.carried.get((self._now, up), 0) + len(chunk)
                if self._now == self._step:
                    if self._way == "slow":
                        self.failures += 1
                        time.sleep(len(chunk) * self._seconds_a_byte)
                    elif not self.failures and (self._way == "silent" or up == (self._way == WAYS[0])):
                        self._passed += len(chunk)
                        if self._passed > self._after:
                            self.failures += 1
                            if self._way != "silent":
                                break
                            self._silent |= {source, target}
                if source not in self._silent:
                    target.sendall(chunk)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class CutLinks(Kind):
    quick, sample, full = 2, len(STEPS) * len(WAYS), EACH * len(STEPS) * len(WAYS)

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        draw(place / "data", {"healthy": 10, "all": 10})
        run = make_run(place / "runs" / "tiny", place / "data")
        opened = make_artifact(run, "onnx", "float32")
        images = tuple(
            PlannedImage(path.name, str(path), sha256_file(path))
            for path in sorted((place / "data").glob("*/*0.png"))
        )
        read = artifact.read(opened.path)
        self.plan = Plan((PlannedArtifact.of(read, "few"),), {"few": images}, SHORT)
        self.stack = contextlib.ExitStack()
        try:
            self.board = self.stack.enter_context(LoopbackBoard(place / "board"))
        except pytest.skip.Exception as reason:
            raise Missing(str(reason)) from None
        config = self.board.ssh_config
        config.write_text(config.read_text() + f" HostKeyAlias [127.0.0.1]:{self.board.port}\n")
        program = self.board.script("ssh", PATIENT.format(ssh=shutil.which("ssh")))
        os.environ["PATH"] = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        self._watch_steps()
        with SteppedLink(self.board.port) as link:
            self.sound = self._answers(link, "sound")
            self.carried = link.carried
        promise({step for step, _ in self.carried} >= set(STEPS), f"steps are {sorted(self.carried)}")

    def close(self) -> None:
        self.stack.close()

    def _watch_steps(self) -> None:
        """The link hears which step begins."""
        logged_in, running = Connection.open, Connection.running

        def told_open(connection: Connection) -> None:
            if connection._login is None or connection._login.poll() is not None:
                self.link.begin("connect")
            logged_in(connection)

        def told_running(connection: Connection, verb: str, *words: Any, **options: Any) -> Any:
            connection.open()
            self.link.begin(verb)
            return running(connection, verb, *words, **options)

        Connection.open, Connection.running = told_open, told_running  # type: ignore[method-assign]

    def one(self, seed: int) -> str:
        rng = random.Random(seed)
        step, way = STEPS[seed % len(STEPS)], WAYS[seed // len(STEPS) % len(WAYS)]
        up, down = self.carried[step, True], self.carried[step, False]
        after = {WAYS[0]: up, WAYS[1]: down}.get(way, min(up, down)) * 0.7 * rng.random()
        name, what = f"folder{seed}", f"{step} {way} after {after:.0f} bytes"
        with SteppedLink(self.board.port, step, way, int(after), max(up, down) / SLOW_SECONDS) as link:
            promise(self._answers(link, name) == self.sound, f"{what}: other answers")
            promise(link.failures, f"{what}: did not come to pass")
        left = list((self.board.home / name).rglob(".part.*"))
        promise(not left, f"{what} leaves {left}")
        shutil.rmtree(self.board.home / name)
        return f"{step} {way}"

    def _answers(self, link: SteppedLink, folder: str) -> list[object]:
        self.link = link
        profile = self.board.profile(addresses=(self.board.address(port=link.port),), folder=f"~/{folder}")
        target = SshTarget(profile, connect_seconds=CONNECT_SECONDS, pauses=(0.0, 0.1, 1.0))
        with closing(target):
            messages = []
            for message in target.measure(self.plan, ()):
                messages.append(message)
                self.alive()
        promise(isinstance(messages[-1], EndOfMeasuring), "no end")
        records = [message for message in messages if isinstance(message, Record)]
        promise(all(record.error is None for record in records), "a record with an error")
        keys = [(record.kind, record.round, record.batch, record.threads) for record in records]
        promise(len(set(keys)) == len(keys), "a measurement twice")
        return [
            *sorted(keys),
            [record.result["probabilities"] for record in records if record.kind == "accuracy"],
        ]
