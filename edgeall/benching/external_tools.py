"""Inference engines' own benchmark tools as a table: what each is told, and when its report is believed.

A tool runs the same file with the same threads and precision, one image at a time, one after the other, and says its
median in a JSON report. A report that says anything but what was asked for is refused.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeall.errors import MeasurementError
from edgeall.runtimes import openvino

LEAST_MS = 0.5
"""The tools round to 0.01 ms: below this, rounding alone is off by more than 1%."""


@dataclass(frozen=True)
class ToolRequest:
    """What a tool is to measure. `warmup` runs come before the `runs` that count."""

    model: Path
    threads: int
    precision: str
    warmup: int
    runs: int


@dataclass(frozen=True)
class ToolReport:
    """What it measured: median and least of `runs` inferences, in milliseconds."""

    p50_ms: float
    min_ms: float
    runs: int


@dataclass(frozen=True)
class Tool:
    """An engine's own benchmark tool.

    Attributes:
        name: as its makers call it.
        engine: the Python distribution that it comes with, which is also the engine that it measures.
        module: that holds its `main()`.
        variable: environment variable that names the tool as a program, where it is elsewhere.
        configuration: the engine's own properties that it is told, by file; None where options say all.
        options: for the command line; files are relative to the folder that it runs in.
        report: name of the file that it writes there.
        read: checks the report against what was asked.
    """

    name: str
    engine: str
    module: str
    variable: str
    configuration: Callable[[ToolRequest], dict[str, Any]] | None
    options: Callable[[ToolRequest], list[str]]
    report: str
    read: Callable[[Any, ToolRequest], ToolReport]


CONFIGURATION = "configuration.json"
"""File that a tool's configuration is put into, in the folder that it runs in."""


def _openvino_configuration(asked: ToolRequest) -> dict[str, Any]:
    """The very properties that edgeall compiles the model with."""
    told = openvino.properties(asked.threads, asked.precision)
    return {"CPU": {key: str(value) for key, value in told.items()}}


def _openvino_options(asked: ToolRequest) -> list[str]:
    # Its warm-up is one inference, so what would warm it up is timed too; the median does not mind. Left to itself it
    # would take pictures for bytes and convert them inside the model.
    told = {
        "-m": str(asked.model),
        "-d": "CPU",
        "-api": "sync",
        "-niter": str(asked.warmup + asked.runs),
        "-ip": "f32",
        "-load_config": CONFIGURATION,
        "-report_type": "no_counters",
        "-report_folder": ".",
    }
    return [*(part for pair in told.items() for part in pair), "-json_stats"]


def _read_openvino(report: Any, asked: ToolRequest) -> ToolReport:
    runs = asked.warmup + asked.runs
    name = "benchmark_app"
    expected = {
        "target device": "CPU",
        "API": "sync",
        "inference_only": True,
        "batch size": "1",
        "number of parallel infer requests": "1",
    }
    for key, value in expected.items():
        _agree(name, f"configuration_setup.{key}", _at(name, report, "configuration_setup", key), value)
    key = "total number of iterations"
    _agree(name, f"execution_results.{key}", _at(name, report, "execution_results", key), str(runs))
    times = []
    for key in ("latency (ms)", "min latency"):
        told = _at(name, report, "execution_results", key)
        if not isinstance(told, str) or not re.fullmatch(r"\d{1,9}\.\d\d", told):
            raise MeasurementError(f"{name} reports {key} as {_shown(told)}, which is no time")
        times.append(float(told))
    return _answer(name, times[0], times[1], runs)


def _litert_options(asked: ToolRequest) -> list[str]:
    told = {
        "model": str(asked.model),
        "num_threads": str(asked.threads),
        "warmup_runs": str(asked.warmup),
        "num_runs": str(asked.runs),
        "result_json": "report.json",
    }
    return [f"--{key}={value}" for key, value in told.items()]


def _read_litert(report: Any, asked: ToolRequest) -> ToolReport:
    name = "litert-benchmark"
    _agree(name, "accelerators", _at(name, report, "accelerators"), ["CPU"])
    _agree(name, "num_threads", _at(name, report, "num_threads"), asked.threads)
    _agree(name, "latency.num_runs", _at(name, report, "latency", "num_runs"), asked.runs)
    times = []
    for key in ("median_ms", "min_ms"):
        told = _at(name, report, "latency", key)
        if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told <= 1e9:
            raise MeasurementError(f"{name} reports latency.{key} as {_shown(told)}, which is no time")
        times.append(float(told))
    return _answer(name, times[0], times[1], asked.runs)


def _at(name: str, report: Any, *keys: str) -> Any:
    value = report
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            raise MeasurementError(f"{name}'s report has no {'.'.join(keys)}")
        value = value[key]
    return value


def _agree(name: str, key: str, told: Any, asked: Any) -> None:
    if type(told) is not type(asked) or told != asked:
        raise MeasurementError(f"{name} reports {key} as {_shown(told)}, and was asked for {_shown(asked)}")


def _answer(name: str, p50_ms: float, min_ms: float, runs: int) -> ToolReport:
    if not 0 <= min_ms <= p50_ms:
        raise MeasurementError(f"{name} reports a least time of {min_ms:g} ms and a median of {p50_ms:g} ms")
    if p50_ms < LEAST_MS:
        raise MeasurementError(
            f"too fast for {name}, which tells {p50_ms:g} ms in steps of 0.01 ms; {LEAST_MS:g} ms are needed"
        )
    return ToolReport(p50_ms, min_ms, runs)


def _shown(value: Any) -> str:
    return json.dumps(value)[:60]


BENCHMARK_APP = Tool(
    name="benchmark_app",
    engine="openvino",
    module="openvino.tools.benchmark.main",
    variable="EDGEALL_BENCHMARK_APP",
    configuration=_openvino_configuration,
    options=_openvino_options,
    report="benchmark_report.json",
    read=_read_openvino,
)

LITERT_BENCHMARK = Tool(
    name="litert-benchmark",
    engine="ai-edge-litert",
    module="ai_edge_litert.tools.benchmark_litert_model",
    variable="EDGEALL_LITERT_BENCHMARK",
    configuration=None,
    options=_litert_options,
    report="report.json",
    read=_read_litert,
)
