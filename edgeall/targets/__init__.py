"""Reaching a device: its profile, and a `Target` that carries out measuring plans there. Field tier.

A plan goes in, messages with raw measurements come out, and nothing else crosses; so a device far away is one more
`Target`, and one more way of reaching in `TARGETS`.
"""

import dataclasses
from collections.abc import Callable, Collection, Generator
from contextlib import closing
from typing import Protocol

from edgeall.measuring.plan import Plan
from edgeall.measuring.records import Message
from edgeall.progress import SILENT, Progress
from edgeall.targets.address import Address
from edgeall.targets.emulator import EmulatorTarget
from edgeall.targets.local import LocalTarget, able_here, missing_accelerators
from edgeall.targets.profile import (
    Board,
    Limits,
    Profile,
    all_profiles,
    load_profile,
    parse_batches,
    parse_threads,
    read_profile,
)
from edgeall.targets.ssh import SshTarget

__all__ = [
    "TARGETS",
    "Address",
    "Board",
    "EmulatorTarget",
    "Limits",
    "Profile",
    "SshTarget",
    "Target",
    "able_here",
    "all_profiles",
    "found",
    "load_profile",
    "missing_accelerators",
    "open_board",
    "open_target",
    "parse_batches",
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

        Closing the generator stops the device. Messages come as `edgeall.measuring.runner.conduct` tells.
        """
        ...

    def close(self) -> None:
        """Let go of the device."""
        ...


TARGETS: dict[str, Callable[[Profile, Progress], Target]] = {
    "local": lambda profile, progress: LocalTarget(profile),
    "ssh": lambda profile, progress: SshTarget(profile, progress),
    "emulator": lambda profile, progress: EmulatorTarget(profile, progress),
}
"""Way of reaching to target."""


def open_target(profile: Profile, progress: Progress = SILENT) -> Target:
    """The target that a profile describes; does not contact it yet."""
    return TARGETS[profile.reach](profile, progress)


def open_board(profile: Profile, progress: Progress = SILENT) -> SshTarget | EmulatorTarget:
    """A device that is not this machine, to be examined and made ready too."""
    return SshTarget(profile, progress) if profile.emulated is None else EmulatorTarget(profile, progress)


def found(profile: Profile, address: Address | None = None, progress: Progress = SILENT) -> Profile:
    """The device that is meant: at `address` if given; of the profiles that this one `finds`, the one that fits.

    Raises:
        UsageError: an address for this machine, or an unknown name among `finds`.
        DeviceError: it has to be asked and cannot be.
    """
    here = profile if address is None else profile.at(address)
    if here.board is None or not profile.finds:
        return here
    with closing(SshTarget(here, progress)) as target:
        model = target.examine().model or ""
        answering = target.address
    for name in profile.finds:
        kind = load_profile(name)
        if kind.board is not None and kind.models and model.startswith(kind.models):
            board = dataclasses.replace(here.board, versions=kind.board.versions | here.board.versions)
            it = dataclasses.replace(kind, board=board)
            if address is not None:
                return it.at(address)
            assert answering is not None
            return dataclasses.replace(it, board=dataclasses.replace(board, addresses=(answering,)))
    return here
