"""This machine, as a device."""

from collections.abc import Collection, Generator

from edgeall.measuring.conduct import conduct
from edgeall.measuring.plan import Plan
from edgeall.measuring.records import Message


class LocalTarget:
    """Carries a plan out here; paths in it are this machine's."""

    def unreachable(self) -> str | None:
        return None

    def measure(self, plan: Plan, finished: Collection[str]) -> Generator[Message, None, None]:
        return conduct(plan, finished)

    def close(self) -> None:
        return None
