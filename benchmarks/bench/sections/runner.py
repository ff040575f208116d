"""edgeall's measured latency beside that of the engines' own tools."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from statistics import median

from bench import samples
from bench.ratios import ratio
from bench.rounds import Figures
from bench.section import Bench, Goal, Row
from edgeall import engines, runs
from edgeall.artifact import Artifact
from edgeall.benching import held_out_images, tool_runner
from edgeall.benching.cross_check import TOLERANCE
from edgeall.benching.external_tools import ToolRequest
from edgeall.errors import MeasurementError
from edgeall.measuring.plan import BenchSettings, Job, Plan, PlannedArtifact
from edgeall.measuring.runner import surroundings, work
from edgeall.measuring.signals import ending

NAME = "runner"
TITLE = "Latency beside the engines' own tools"
ABOUT = f"""The same file, one thread, one picture at a time, each in a fresh process; a round is edgeall's measurement
and the tool's. OpenVINO's tool is `benchmark_app`, LiteRT's is `litert-benchmark`: both come with their wheels, and are
told the properties that edgeall sets. ONNX Runtime's `onnxruntime_perf_test` is not in its wheel. A bare loop of
`InferenceSession.run` stands for it, with edgeall's session options and one input again and again. It shows what
edgeall adds to ONNX Runtime's Python interface, not what that interface adds.

edgeall's latency is from tensor in to tensor out, of different pictures in turn. The tools fill the input once.

Goal: at most {1 + TOLERANCE:g} times the tool's median latency."""

TIMEOUT = 600.0
BARE = """
import json, sys, time
import numpy as np, onnxruntime
from pathlib import Path
from edgeall.runtimes.onnx_providers import session_options
from edgeall.runtimes.session import SessionOptions
path, precision, warmup, runs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
session = onnxruntime.InferenceSession(path, session_options(SessionOptions(1, precision)), ["CPUExecutionProvider"])
[given] = session.get_inputs()
shape = [each if isinstance(each, int) else 1 for each in given.shape]
kind = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int8)": np.int8}[given.type]
feeds = {given.name: np.random.default_rng(0).integers(0, 2, shape).astype(kind)}
took = []
for _ in range(warmup + runs):
    began = time.perf_counter_ns()
    session.run(None, feeds)
    took.append(time.perf_counter_ns() - began)
print(json.dumps(took[warmup:]))
"""


def lacking(options: Mapping[str, Path], shared: Path) -> str | None:
    return None


def basis(options: Mapping[str, Path], quick: bool) -> Mapping[str, str]:
    return {
        "run": samples.name_of(options, quick),
        **{row.distribution: metadata.version(row.distribution) for row in engines.ENGINES.values()},
    }


def measure(bench: Bench) -> Iterator[Row]:
    count = 4 if bench.quick else 12
    for artifact in samples.artifacts(bench):
        if artifact.metadata.precision == "float16":
            continue
        what = f"{engines.ENGINES[artifact.metadata.format].label} {artifact.metadata.precision}"
        pair = _Pair(bench, artifact)
        try:
            pair.find()
            found = bench.rounds.measure(what, count, {"edgeall": pair.ours, "tool": pair.tool})
        except MeasurementError as error:
            yield Row(what, None, None, pair.name, "ms", None, 0, Goal(most=1 + TOLERANCE), note=str(error))
            continue
        ours, tool = ([each["p50_ms"] for each in found[way]] for way in ("edgeall", "tool"))
        least = median(
            a["min_ms"] / b["min_ms"] for a, b in zip(found["edgeall"], found["tool"], strict=True)
        )
        yield Row(
            what, median(ours), median(tool), pair.name, "ms", ratio(ours, tool), count, Goal(most=1 + TOLERANCE),
            note=f"of the rounds' least times the ratio is {least:.3f}",
        )  # fmt: skip


class _Pair:
    """edgeall and a tool on one artifact, for the same number of inferences."""

    def __init__(self, bench: Bench, artifact: Artifact) -> None:
        run = runs.of_artifact(artifact.path)
        assert run is not None
        seconds, least = (0.5, 30) if bench.quick else (1.0, 64)
        self._artifact = artifact
        self._settings = BenchSettings(
            rounds=1, threads=(1,), warmup_seconds=0.5, min_runs=least, min_seconds=seconds
        )
        tests = held_out_images.test_set(artifact, run, None)
        planned = PlannedArtifact.of(artifact, tests.key)
        self._plan = Plan((planned,), {tests.key: tests.images}, self._settings)
        self._job = Job("latency", planned, 1)
        self._runs = least
        row = engines.ENGINES[artifact.metadata.format]
        self._found: tool_runner.FoundTool | None = None
        self.name = "bare loop" if row.tool is None else engines.load(row.tool).name

    def find(self) -> None:
        """Raises MeasurementError where the engine's own tool is not here."""
        row = engines.ENGINES[self._artifact.metadata.format]
        if row.tool is not None:
            self._found = tool_runner.find(row.format, row.distribution)

    def ours(self) -> Figures:
        result, error = work(self._plan, self._job)
        if result is None:
            raise MeasurementError(f"edgeall's own measurement failed: {error}")
        taken = [nanoseconds / 1e6 for nanoseconds in result["model_ns"]]
        self._runs = len(taken)
        return {"p50_ms": median(taken), "min_ms": min(taken), "runs": len(taken)}

    def tool(self) -> Figures:
        warmup = max(1, self._runs // 2)
        precision = self._artifact.metadata.precision
        path = self._artifact.path.resolve()
        if self._found is not None:
            told = tool_runner.measure(
                self._found, ToolRequest(path, 1, precision, warmup, self._runs), TIMEOUT
            )
            return {"p50_ms": told.p50_ms, "min_ms": told.min_ms, "runs": told.runs}
        command = [sys.executable, "-P", "-c", BARE, str(path), precision, str(warmup), str(self._runs)]
        try:
            done = subprocess.run(  # noqa: S603
                command, capture_output=True, text=True, timeout=TIMEOUT, check=True, env=surroundings(1)
            )
        except subprocess.TimeoutExpired:
            raise MeasurementError(f"the {self.name} was stopped after {TIMEOUT:g} s") from None
        except subprocess.CalledProcessError as error:
            raise MeasurementError(f"the {self.name} {ending(error.returncode, error.stderr)}") from None
        taken = [nanoseconds / 1e6 for nanoseconds in json.loads(done.stdout)]
        return {"p50_ms": median(taken), "min_ms": min(taken), "runs": len(taken)}
