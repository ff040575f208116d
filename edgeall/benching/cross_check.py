"""A bench's latencies beside those of the engines' own tools, in turn on one machine.

A round of an artifact is edgeall's own measurement and then the tool's, the next one the other way round, each in a
fresh process and each as long as a whole measurement of the bench; the ratio is over rounds.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import geometric_mean, median

from edgeall.benching import tool_runner
from edgeall.benching.external_tools import ToolReport, ToolRequest
from edgeall.benching.results_from_records import Subject
from edgeall.errors import MeasurementError
from edgeall.measuring.plan import BenchSettings, Job, Plan, PlannedArtifact
from edgeall.measuring.runner import work
from edgeall.progress import Progress
from edgeall.results import Result
from edgeall.results.costs import CrossCheck, ToolRound
from edgeall.statistics import Estimate, ratio_over_rounds
from edgeall.targets import Profile

TOLERANCE = 0.03
"""A ratio further above 1 than this is marked: edgeall loses time that the engine does not need."""

_PATIENCE, _START_SECONDS = 10, 120.0
"""A tool may take so many times as long as it should, and so long to start, before it is stopped."""


def cross_check(
    results: Sequence[Result],
    subjects: Sequence[Subject],
    profile: Profile,
    settings: BenchSettings,
    progress: Progress,
) -> list[CrossCheck]:
    """One for each of a bench's `results`: the comparison, or why there is none."""
    subject_of = {subject.artifact.sha256: subject for subject in subjects}
    given_up: dict[int, str] = {}
    pairs: dict[int, _Pair] = {}
    for index, result in enumerate(results):
        try:
            pairs[index] = _pair(result, subject_of.get(result.sha256 or ""), profile, settings)
        except MeasurementError as error:
            given_up[index] = str(error)
    with progress.stage(
        "cross-checking with the engines' own tools", settings.rounds * len(pairs)
    ) as advance:
        for number in range(settings.rounds):
            for index, pair in pairs.items():
                if index not in given_up:
                    try:
                        pair.measure(ours_first=number % 2 == 0)
                    except MeasurementError as error:
                        given_up[index] = str(error)
                advance(1)
    for reason in dict.fromkeys(given_up.values()):
        progress.note(f"no witness: {reason}")
    return [
        CrossCheck(tool=None, reason=given_up[index]) if index in given_up else pairs[index].outcome()
        for index in range(len(results))
    ]


class _Pair:
    """One artifact and thread count, and the tool that is asked of it."""

    def __init__(
        self, found: tool_runner.FoundTool, asked: ToolRequest, plan: Plan, job: Job, seconds: float
    ) -> None:
        self._found, self._asked, self._plan, self._job = found, asked, plan, job
        self._seconds = seconds
        self._rounds: list[ToolRound] = []

    def measure(self, *, ours_first: bool) -> None:
        """One more round.

        Raises:
            MeasurementError: one of the two could not measure.
        """
        if ours_first:
            ours, tool = self._ours(), self._tool()
        else:
            tool, ours = self._tool(), self._ours()
        self._rounds.append(
            ToolRound(median(ours) / 1e6, tool.p50_ms, min(ours) / 1e6, tool.min_ms, len(ours), tool.runs)
        )

    def outcome(self) -> CrossCheck:
        """Of all rounds."""
        ours, tool = [r.ours_ms for r in self._rounds], [r.tool_ms for r in self._rounds]
        ratio = ratio_over_rounds(ours, tool)
        assert ratio is not None
        found = self._found
        configure = found.tool.configuration
        return CrossCheck(
            tool=found.tool.name,
            version=found.version,
            command=(*found.command, *found.tool.options(self._asked)),
            configuration=None if configure is None else configure(self._asked),
            p50_ms=geometric_mean(tool),
            ours_p50_ms=geometric_mean(ours),
            min_ms=min(r.tool_min_ms for r in self._rounds),
            ours_min_ms=min(r.ours_min_ms for r in self._rounds),
            ratio=ratio,
            tolerance=TOLERANCE,
            within_tolerance=_decided(ratio),
            rounds=tuple(self._rounds),
        )

    def _ours(self) -> list[int]:
        result, error = work(self._plan, self._job)
        if result is None:
            raise MeasurementError(f"edgeall's own measurement failed: {error}")
        return list(result["model_ns"])

    def _tool(self) -> ToolReport:
        return tool_runner.measure(self._found, self._asked, self._seconds)


def _decided(ratio: Estimate) -> bool | None:
    """Whether a ratio is within the tolerance; None where its interval lies on both sides, or there is none."""
    if ratio.low is None or ratio.high is None or ratio.low <= 1 + TOLERANCE < ratio.high:
        return None
    return ratio.high <= 1 + TOLERANCE


def _pair(result: Result, subject: Subject | None, profile: Profile, settings: BenchSettings) -> _Pair:
    """Raises MeasurementError where there is no witness for the result."""
    if profile.reach != "local":
        raise MeasurementError(
            f"tools run on this machine alone, and device {profile.name} is reached by {profile.reach}"
        )
    if result.latency_kind != "measured" or result.latency_ms is None:
        raise MeasurementError("an emulator's times are no latency")
    if accelerator := settings.accelerators.get(result.format):
        raise MeasurementError(f"tools are asked for the processor alone, and it ran on {accelerator}")
    if subject is None or result.members:
        raise MeasurementError("an ensemble is several models; each has its own row")
    found = tool_runner.find(subject.artifact.metadata.format, result.engine.name)
    # As many runs as take the time that is wanted, by what the bench has just measured.
    each_ms = median(result.latency_ms.raw)
    runs = _runs(settings.min_runs, min(settings.min_seconds, settings.max_seconds), each_ms)
    warmup = _runs(settings.warmup_runs, settings.warmup_seconds, each_ms)
    runs = max(1, min(runs, int(settings.max_seconds * 1e3 / each_ms)))
    asked = ToolRequest(subject.artifact.path.resolve(), result.threads, result.precision, warmup, runs)
    expected = _START_SECONDS + _PATIENCE * (warmup + runs) * each_ms / 1e3
    # All runs and seconds in one process, not a share of them.
    planned = PlannedArtifact.of(subject.artifact, subject.tests.key)
    plan = Plan(
        (planned,), {subject.tests.key: subject.tests.images}, replace(settings, rounds=1, batches=(1,))
    )
    job = Job("latency", planned, asked.threads)
    return _Pair(found, asked, plan, job, min(settings.pass_seconds, expected))


def _runs(least: int, seconds: float, each_ms: float) -> int:
    return max(least, math.ceil(seconds * 1e3 / each_ms))
