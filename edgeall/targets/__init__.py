"""Devices: profiles, and targets that run measuring plans on them. Field tier.

A target takes a plan and yields messages with raw measurements. Another way of reaching devices is another `Target` and
another row in `TARGETS`.
"""

import dataclasses
from collections.abc import Callable, Collection, Generator
from contextlib import closing
from typing import Protocol

from edgeall.errors import DeviceError
from edgeall.measuring.plan import Plan
from edgeall.measuring.records import Message
from edgeall.progress import SILENT, Progress
from edgeall.targets.address import Address
from edgeall.targets.carried import CarriedTarget
from edgeall.targets.emulator import EmulatorTarget
from edgeall.targets.local import LocalTarget, able_here, missing_accelerators
from edgeall.targets.profile import (
    Board,
    KitPlace,
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
    "KitPlace",
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
        """The reason why the device cannot be reached now, in one line; None where it can."""
        ...

    def measure(self, plan: Plan, finished: Collection[str]) -> Generator[Message, None, None]:
        """Run `plan`, with paths on this workstation, except for jobs whose key is in `finished`.

        Closing the generator stops the device. Messages are those of `edgeall.measuring.runner.run_plan`.
        """
        ...

    def close(self) -> None:
        """Disconnect from the device."""
        ...


TARGETS: dict[str, Callable[[Profile, Progress], Target]] = {
    "local": lambda profile, progress: LocalTarget(profile),
    "ssh": lambda profile, progress: SshTarget(profile, progress),
    "emulator": lambda profile, progress: EmulatorTarget(profile, progress),
    "kit": lambda profile, progress: CarriedTarget(profile),
}
"""Constructors of targets by a profile's `reach`."""


def open_target(profile: Profile, progress: Progress = SILENT) -> Target:
    """The target of a profile. Does not connect yet."""
    return TARGETS[profile.reach](profile, progress)


def open_board(profile: Profile, progress: Progress = SILENT) -> SshTarget | EmulatorTarget:
    """The target of a device other than this machine, with methods to examine and provision it."""
    return SshTarget(profile, progress) if profile.emulated is None else EmulatorTarget(profile, progress)


def found(profile: Profile, address: Address | None = None, progress: Progress = SILENT) -> Profile:
    """The profile of the actual device: at `address` if given; among the profiles that this one `finds`, by its model.

    Raises:
        UsageError: an address for this machine, or an unknown name among `finds`.
        DeviceError: the device's model is needed, and it cannot be reached; or kits alone reach it.
    """
    if profile.reach == "kit":
        raise DeviceError(f"device {profile.name}: {CarriedTarget(profile).unreachable()}")
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
