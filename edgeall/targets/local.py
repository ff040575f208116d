"""This machine as a device."""

import dataclasses
from collections.abc import Collection, Generator

from edgeall.artifact import FORMATS
from edgeall.errors import DeviceError, MeasurementError
from edgeall.measuring.plan import Plan
from edgeall.measuring.records import Message
from edgeall.measuring.runner import ask, run_plan
from edgeall.progress import SILENT, Progress
from edgeall.runtimes import Accelerator
from edgeall.targets.profile import Profile

PROBE_SECONDS = 300.0
"""Limit for probing an accelerator or engine."""


class LocalTarget:
    """Runs a plan on this machine."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def unreachable(self) -> str | None:
        lacking = missing_accelerators(self._profile)
        return "; ".join(lacking.values()) if lacking and len(lacking) == len(self._profile.formats) else None

    def measure(self, plan: Plan, finished: Collection[str]) -> Generator[Message, None, None]:
        return run_plan(plan, finished)

    def close(self) -> None:
        return None


def missing_accelerators(profile: Profile) -> dict[str, str]:
    """Reason by format why the profile's accelerator for it cannot be used on this machine."""
    places = profile.accelerators
    reasons = {format: _lacking(format, places[format]) for format in FORMATS if format in places}
    return {format: reason for format, reason in reasons.items() if reason is not None}


def _lacking(format: str, place: Accelerator) -> str | None:
    """`edgeall.runtimes.lacking`, in a short-lived process.

    This process runs during measurements, and must not hold resources of the accelerator.
    """
    try:
        reason: str | None = ask("probe", {"format": format, **dataclasses.asdict(place)}, 1, PROBE_SECONDS)[
            "lacking"
        ]
    except MeasurementError as error:
        return f"the availability of {place} could not be determined: {error}"
    return reason


def unusable_engines(profile: Profile) -> dict[str, str | None]:
    """Reason by format why its engine cannot be imported on this machine; None where it can.

    Each engine is imported in a short-lived process, which a signal can kill.
    """
    return {format: _unusable(format) for format in profile.formats}


def _unusable(format: str) -> str | None:
    try:
        reason: str | None = ask("probe", {"format": format}, 1, PROBE_SECONDS)["lacking"]
    except MeasurementError as error:
        return f"cannot be imported: {error}"
    return reason


def able_here(profile: Profile, progress: Progress = SILENT) -> Profile:
    """The profile without the formats whose accelerators this machine lacks, with a note for each.

    Raises:
        DeviceError: it lacks all; the message has each engine's accelerator and what the engine offers.
    """
    if profile.board is not None or not (lacking := missing_accelerators(profile)):
        return profile
    left = tuple(format for format in profile.formats if format not in lacking)
    if not left:
        raise DeviceError(f"device {profile.name} is not here: {'; '.join(lacking.values())}")
    for format, reason in lacking.items():
        progress.note(f"{format} left out: {reason}")
    places = {format: profile.accelerators[format] for format in left}
    return dataclasses.replace(profile, formats=left, accelerators=places)
