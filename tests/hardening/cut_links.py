"""A link to a board that is cut after so many bytes, or slow: the bench goes on, with the same answers.

Needs an OpenSSH server.
"""

import contextlib
import random
import shutil
from contextlib import closing
from pathlib import Path

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


class CutLinks(Kind):
    quick, sample, full = 2, 12, 60
    silent_seconds = 300.0

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
        with Link(self.board.port) as link:
            self.sound = self._answers(link, "sound")
            self.bytes = link.passed

    def one(self, seed: int) -> str:
        rng = random.Random(seed)
        slow = seed % 4 == 3
        limits = (
            {"bytes_per_second": 60_000 + rng.randrange(400_000)}
            if slow
            else {"cut_after": rng.randrange(self.bytes)}
        )
        with Link(self.board.port, **limits) as link:
            promise(self._answers(link, f"folder{seed}") == self.sound, f"{limits}: other answers")
            left = list((self.board.home / f"folder{seed}").rglob(".part.*"))
            promise(not left, f"{limits} leaves {left}")
            promise(slow or link.cuts, f"{limits}: not cut")
        return "slow" if slow else "cut once, resumed"

    def _answers(self, link: Link, folder: str) -> list[object]:
        profile = self.board.profile(addresses=(self.board.address(port=link.port),), folder=f"~/{folder}")
        with closing(SshTarget(profile, pauses=(0.0, 0.1))) as target:
            messages = list(target.measure(self.plan, ()))
        promise(isinstance(messages[-1], EndOfMeasuring), "no end")
        records = [message for message in messages if isinstance(message, Record)]
        promise(all(record.error is None for record in records), "a record with an error")
        keys = [(record.kind, record.round, record.batch, record.threads) for record in records]
        promise(len(set(keys)) == len(keys), "a measurement twice")
        return [
            *sorted(keys),
            [record.result["probabilities"] for record in records if record.kind == "accuracy"],
        ]
