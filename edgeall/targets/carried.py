"""A device that kits are carried to, and that no workstation reaches."""

from collections.abc import Collection, Generator

from edgeall.errors import DeviceError
from edgeall.measuring.plan import Plan
from edgeall.measuring.records import Message
from edgeall.targets.profile import Profile


class CarriedTarget:
    """Says what to do instead."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def unreachable(self) -> str | None:
        name = self._profile.name
        return f"nothing reaches it: carry a kit there (edgeall bundle ARTIFACT --device {name}), or run bench on it"

    def measure(self, plan: Plan, finished: Collection[str]) -> Generator[Message, None, None]:
        raise DeviceError(f"device {self._profile.name} cannot be measured: {self.unreachable()}")

    def close(self) -> None:
        return None
