"""A watcher that is killed at any time: nothing is lost, nothing is decided twice, and the log holds.

`make watch-kills` does it 1,000 times, or for as many minutes as EDGEALL_KILL_MINUTES has.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from small_models import SmallModel

from edgeall.field import Classified, Classifier, classify
from edgeall.logbook import Logbook, PictureEntry, verify
from edgeall.watching import watch

KILLS = int(os.environ.get("EDGEALL_WATCH_KILLS", "15"))
MINUTES = float(os.environ.get("EDGEALL_KILL_MINUTES", "10"))
PROGRAM = Path(__file__).with_name("killed_watchers.py")

pytest.importorskip("ai_edge_litert", reason="the watchers run LiteRT")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="watchers are forked")


def test_killed_watchers_lose_nothing_and_decide_nothing_twice(tiny: SmallModel, tmp_path: Path) -> None:
    artifact = tiny.sealed("tflite-int8", tmp_path)
    folder, path = tmp_path / "scans", tmp_path / "log.db"
    folder.mkdir()
    command = [PROGRAM, folder, artifact.path, path, KILLS, 7, MINUTES * 60]
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    print(told)

    with Logbook.open(path, create=True) as log:
        survived = log.head.seq
        with Classifier(artifact) as classifier:
            list(watch(folder, classifier, log, settle=0.0, every=0.0, once=True))
        entries = [record.entry for record in log.of_kind("picture")]
        pictures = [entry for entry in entries if isinstance(entry, PictureEntry)]
        found = verify(log)
    print(
        {
            "entries": found.entries,
            "of killed watchers": survived,
            "errors": sum(e.answer is None for e in pictures),
        }
    )

    assert found.holds, found.why
    assert told["kills"] == KILLS or KILLS > 100
    # Most of it is the work of watchers that were killed.
    assert survived > len(pictures) / 2
    # Decided once: no bytes of a file have two entries in a row, and bytes that came back are referred to.
    decided = Counter((entry.result.path, entry.sha256) for entry in pictures)
    assert [pair for pair, times in decided.items() if times > 1] == []
    # Nothing lost: the last entry of each file is on the bytes that it has, with the answer of `classify` to the bit.
    last = {entry.result.path: entry for entry in pictures}
    answers = {each.path: each for each in classify(artifact, [folder]) if isinstance(each, Classified)}
    assert set(last) == set(answers)
    for name, answer in answers.items():
        entry = last[name]
        assert entry.sha256 == hashlib.sha256(Path(name).read_bytes()).hexdigest()
        assert entry.answer is not None
        expected = answer.to_dict()
        assert {**entry.answer, "path": expected["path"], "ms": 0} == {**expected, "ms": 0}
    # The engine computed equal bytes once.
    computed = Counter(entry.sha256 for entry in pictures if entry.answer and entry.same_as is None)
    assert set(computed.values()) == {1}
