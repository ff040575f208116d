"""A board that answers anything: a bench ends with one line, or with figures that can be.

ssh is a stand-in here, and so is the board's Python: they say what a real board said before, with something wrong.
"""

import dataclasses
import json
import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any

from campaign import Kind, one_line, promise
from changed_bytes import changed_bytes
from commands import check_figures
from damaged_documents import one_changed
from over_ssh import SHORT
from small_run import draw, make_artifact, make_run
from tiny_bench import bench

from edgeall.benching import find_artifacts
from edgeall.errors import EdgeallError
from edgeall.targets import TARGETS, Address, Board, Profile, SshTarget

VERBS = ("probe", "missing", "receive", "unpack", "write", "engines", "measure")
SSH = '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n'
"""In the place of ssh: the command is done here."""

LISTENING = '#!/bin/sh\nfor verb; do :; done\n{python} "$@" | tee {said}/$verb\n'
"""In the place of the board's Python: the real one, and its words are kept."""

SAYING = """#!/bin/sh
for verb; do :; done
cat {say}/$verb
if [ -e {say}/$verb.then ]; then exec $(cat {say}/$verb.then); fi
"""
THEN = ("", "", "", "", "", "sleep 1000", "cat /dev/zero", "yes", "cat {said}/measure", "false")
"""What a board does after its words: mostly, it ends."""

SOUND_SECONDS, ANSWER_SECONDS = 60.0, 3.0
"""How long a sound board may take to answer, and how long a hostile one is waited for (a user waits 600 s)."""

CONNECT_SECONDS = 1
"""A greeting is waited for six times as long."""

SOUND = dataclasses.replace(SHORT, pass_seconds=60.0)
BRIEF = dataclasses.replace(SHORT, pass_seconds=3.0)
"""With `ANSWER_SECONDS`, this is how long a measurement is waited for."""

LOUD = b'{"a": "' + b"x" * (1 << 20)


class HostileBoards(Kind):
    quick, sample, full = 6, 120, 800
    bounded = True

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        shutil.rmtree(place, ignore_errors=True)
        self.said, self.say, programs = place / "said", place / "say", place / "bin"
        for folder in (self.said, self.say, programs):
            folder.mkdir(parents=True)
        script(programs / "ssh", SSH)
        os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
        TARGETS["ssh"] = lambda profile, progress: SshTarget(
            profile, progress, connect_seconds=self.connecting, answer_seconds=self.seconds, pauses=()
        )
        self.connecting, self.seconds = 10, SOUND_SECONDS
        draw(place / "data", {"healthy": 10, "all": 10})
        self.run = make_run(place / "runs" / "tiny", place / "data")
        make_artifact(self.run, "onnx", "float32")
        self.python = script(place / "python", LISTENING.format(python=sys.executable, said=self.said))
        self.settings = SOUND
        sound = self._bench("sound")
        check_figures(sound)
        self.python = script(place / "python", SAYING.format(say=self.say))
        self.words = {verb: (self.said / verb).read_bytes() for verb in VERBS if (self.said / verb).is_file()}
        # Asked twice, of one file at first: one is missing each time.
        self.words["missing"] = self.words["missing"].splitlines(keepends=True)[0] + b"[0]\n"
        promise(
            {"probe", "measure"} <= self.words.keys(), f"a board was asked for {sorted(self.words)} alone"
        )

        self._say(self.words)
        check_figures(self._bench("again"))
        self.connecting, self.seconds, self.settings = CONNECT_SECONDS, ANSWER_SECONDS, BRIEF

    def _say(self, words: dict[str, bytes]) -> None:
        for name, each in words.items():
            (self.say / name).write_bytes(each)

    def one(self, seed: int) -> str:
        rng = random.Random(seed)
        verb = rng.choice(["measure", *self.words])
        then = rng.choice(THEN).format(said=self.said)
        words = self.words[verb] if then and rng.random() < 0.5 else spoilt(rng, self.words[verb])
        self._say(self.words | {verb: words})
        (self.say / f"{verb}.then").write_text(then or "true")
        try:
            document = self._bench(f"board{seed}")
        except EdgeallError as error:
            one_line(str(error))
            return f"{verb} {'not waited for' if 'waited for' in str(error) else 'refused'}"
        finally:
            shutil.rmtree(self.run.path / "bench", ignore_errors=True)
            (self.say / f"{verb}.then").unlink()
        check_figures(document)
        for result in document["results"]:
            promise(result["n"] == len(self.run.split.test), f"{result['n']} images")
        return f"{verb} taken"

    def _bench(self, name: str) -> dict[str, Any]:
        board = Board(
            addresses=(Address("board"),),
            python=str(self.python),
            folder=str(self.place / "board"),
            packages="own",
        )
        return bench(find_artifacts([self.run.path]), Profile(name, "ssh", board=board), self.settings)  # fmt: skip


def script(path: Path, text: str) -> Path:
    """An executable."""
    path.write_text(text)
    path.chmod(0o755)
    return path


def spoilt(rng: random.Random, words: bytes) -> bytes:
    """One line with another value, bytes changed anywhere, lines missing, doubled or in another order, or noise."""
    lines = words.splitlines(keepends=True)
    at, way = rng.randrange(len(lines)), rng.randrange(9)
    if way < 4:
        head, brace, rest = lines[at].partition(b"{")
        try:
            document = one_changed(rng, json.loads(brace + rest))
        except ValueError:
            return changed_bytes(rng, words)
        lines[at] = head + json.dumps(document).encode() + b"\n"
    elif way == 4:
        return changed_bytes(rng, words)
    elif way == 5:
        del lines[at]
    elif way == 6:
        lines.insert(rng.randrange(len(lines) + 1), lines[at])
    elif way == 7:
        lines[at] = rng.choice(
            (b"\xff\xfe\n", b"[" * 9999 + b"\n", b"null\n", b"{}\n", b"\n", b"5\n", LOUD + b"\n")
        )
    else:
        rng.shuffle(lines)
    return b"".join(lines)
