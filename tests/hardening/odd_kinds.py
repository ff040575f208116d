"""Campaigns whose trials go wrong, for tests of campaigns."""

import threading

from campaign import Broken, Kind


class Odd(Kind):
    """Breaks its promise at 3, and has a bug at 5."""

    quick = sample = full = 8

    def one(self, seed: int) -> str:
        if seed == 3:
            raise Broken("three")
        return ["fine"][seed == 5]


class Stuck(Kind):
    """Makes progress twice in its first trial, and none in its second."""

    quick = sample = full = 2
    silent_seconds = 2.0
    parts = "halves"

    def one(self, seed: int) -> list[str]:
        if seed:
            threading.Event().wait()
        self.alive()
        return ["half", "half"]
