"""Whether artifacts answer on a device as they did when they were made."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from edgeall import artifact
from edgeall.errors import UsageError
from edgeall.measuring.plan import BenchSettings, Plan, PlannedArtifact
from edgeall.measuring.records import Record
from edgeall.progress import SILENT, Progress
from edgeall.targets import open_target
from edgeall.targets.profile import Profile
from edgeall.targets.readiness import Finding


def judge_answers(profile: Profile, models: Sequence[Path], progress: Progress = SILENT) -> list[Finding]:
    """Findings on golden answers, one an artifact: each is run on the device, as `edgeall bench` would.

    Raises:
        ArtifactError: a file is no artifact.
        UsageError: the device does not take its format.
        DeviceError: the device cannot be reached any more.
    """
    if not models:
        return []
    opened = {each.sha256: each for each in map(artifact.read, models)}
    for each in opened.values():
        if each.metadata.format not in profile.formats:
            raise UsageError(
                f"{each.path}: device {profile.name} does not take {each.metadata.format}; it takes "
                f"{', '.join(profile.formats)}"
            )
    plan = Plan(
        artifacts=tuple(PlannedArtifact.of(each, "") for each in opened.values()),
        image_sets={},
        settings=BenchSettings(accelerators=profile.accelerators),
        selftest=True,
    )
    with closing(open_target(profile, progress)) as target, closing(target.measure(plan, ())) as messages:
        records = [message for message in messages if isinstance(message, Record)]
    return [_finding(record, opened[record.artifact].path.name) for record in records]


def _finding(record: Record, name: str) -> Finding:
    if record.result is None:
        return Finding("missing", name, (record.error or "").removeprefix(f"{name} (selftest, 1 thread): "))
    engine, difference = record.result["engine"], record.result["difference"]
    used = f"{engine['name']} {engine['version']}"
    return Finding("good", name, f"answers as when it was made ({used}, {difference:.2g} of the tolerance)")
