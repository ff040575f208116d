"""Interleaved rounds that survive interruption: a JSON line for each finished round."""

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Figures = dict[str, float]
"""Figures of one way in one round by their names, such as {"seconds": 1.2, "peak_bytes": 8e7}."""

Way = Callable[[], Figures]


class Rounds:
    """Rounds in a file of JSON lines.

    A line is {"case", "round", "figures": {way: figures}, "load", "time"}, with the load average before the round. It
    is written and flushed when all ways of a round are done. A line that was cut off is measured again.
    """

    def __init__(self, path: Path, say: Callable[[str], None] = lambda text: None) -> None:
        self._path, self._say = path, say
        self._finished: dict[tuple[str, int], dict[str, Figures]] = {}
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        for line in whole.splitlines():
            told = json.loads(line)
            self._finished[told["case"], told["round"]] = told["figures"]

    def finished(self, case: str) -> int:
        """Rounds of a case that are done."""
        return sum(known == case for known, _ in self._finished)

    def measure(self, case: str, count: int, ways: Mapping[str, Way]) -> dict[str, list[Figures]]:
        """Figures of each way, a round after the other.

        Each round begins with another way, so that none is always first. A case whose finished rounds have other ways
        is measured anew.

        Args:
            case: what is compared; unique in the section.
            count: rounds, at least 1.
            ways: name to a function that measures once.
        """
        order = list(ways)
        for number in range(count):
            done = self._finished.get((case, number))
            if done is not None and set(done) == set(order):
                continue
            start = number % len(order)
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
            found = {name: ways[name]() for name in order[start:] + order[:start]}
            self._append({"case": case, "round": number, "figures": found, "load": load, "time": time.time()})
            self._finished[case, number] = found
            self._say(f"{case}: round {number + 1} of {count}")
        return {name: [self._finished[case, number][name] for number in range(count)] for name in order}

    def _append(self, line: Mapping[str, object]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
