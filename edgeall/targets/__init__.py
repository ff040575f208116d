"""Reaching a device: its profile, and a `Target` that carries out measuring plans there. Field tier.

A plan goes in, messages with raw measurements come out, and nothing else crosses; so a device far away is one more
`Target`, and one more way of reaching in `TARGETS`.
"""

from collections.abc import Callable, Collection, Generator
from typing import Protocol

from edgeall.measuring.plan import Plan
from edgeall.measuring.records import Message
from edgeall.targets.local import LocalTarget
from edgeall.targets.profile import Limits, Profile, all_profiles, load_profile, parse_threads, read_profile

__all__ = [
    "TARGETS",
    "Limits",
    "Profile",
    "Target",
    "all_profiles",
    "load_profile",
    "open_target",
    "parse_threads",
    "read_profile",
]


class Target(Protocol):
    """A device that can be reached."""

    def unreachable(self) -> str | None:
        """Why the device cannot be reached now, in one line; None where it can."""
        ...

    def measure(self, plan: Plan, finished: Collection[str]) -> Generator[Message, None, None]:
        """Carry out `plan`, whose paths are this workstation's, leaving out jobs whose key is in `finished`.

        Closing the generator stops the device. Messages come as `edgeall.measuring.conduct.conduct` tells.
        """
        ...


TARGETS: dict[str, Callable[[Profile], Target]] = {
    "local": lambda profile: LocalTarget(),
}
"""Way of reaching to target."""


def open_target(profile: Profile) -> Target:
    """The target that a profile describes; does not contact it yet."""
    return TARGETS[profile.reach](profile)
