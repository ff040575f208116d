"""How many pictures one address may send: a token bucket each."""

import time
from collections import OrderedDict
from collections.abc import Callable

_ADDRESSES = 4096
"""Most that are remembered. A bucket that is forgotten was filled least lately."""


class Rates:
    """Tokens by address: `burst` at first, and `rate` more a second, up to `burst`."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, count: int = 1) -> float:
        """Take tokens. Returns 0.0, or the seconds until there are so many, where there are too few."""
        now = self._clock()
        tokens, since = self._buckets.pop(address, (float(self._burst), now))
        tokens = min(float(self._burst), tokens + (now - since) * self._rate)
        wait = 0.0 if tokens >= count else (count - tokens) / self._rate
        self._buckets[address] = (tokens if wait else tokens - count, now)
        while len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        return wait
