"""How time and memory grow with pictures, artifacts, devices and calibration images."""

import copy
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from classify_speed import took
from export_speed import copied
from PIL import Image

from bench import samples
from bench.ratios import slope
from bench.rounds import Figures
from bench.section import Bench, Goal, Row
from edgeall import files
from edgeall.datasets.smear import draw_smear

NAME = "growth"
TITLE = "Growth"
ABOUT = """Commands on ever more pictures, artifacts, devices and calibration images, each in a process of its own. A
figure that grows as size^slope has the slope 1 where it grows linearly. The slope is that of the two largest sizes:
what a command costs to start weighs least there, and what grows worse than linearly weighs most. The figure is that of
the largest size. Time is the processor's, which other work on the machine changes least. Memory is the peak of resident
bytes of the largest process.

Goal: a slope of at most 1.1. Sorting adds a few hundredths to 1."""

GOAL = Goal(most=1.1)
PICTURE = 64
"""Pixels of a side of the pictures."""

Command = Sequence[str]


@dataclass(frozen=True)
class Case:
    """A command that is given ever more.

    Attributes:
        what: the command, and of what there is ever more.
        unit: of the sizes, in the plural.
        sizes, quick: in increasing order, without and with QUICK=1.
        command: makes what a size needs, and returns the command.
        good: exit statuses.
        fresh: called before each turn, so that it finds nothing of an earlier one.
    """

    what: str
    unit: str
    sizes: tuple[int, ...]
    quick: tuple[int, ...]
    command: Callable[[Bench, int], Command]
    good: tuple[int, ...] = (0,)
    fresh: Callable[[Bench, int], None] | None = None


def lacking(options: Mapping[str, Path], shared: Path) -> str | None:
    return None


def basis(options: Mapping[str, Path], quick: bool) -> Mapping[str, str]:
    return {"run": samples.name_of({}, True)}


def measure(bench: Bench) -> Iterator[Row]:
    for case in CASES:
        yield from rows(case, measured(bench, case), case.quick if bench.quick else case.sizes)


def measured(bench: Bench, case: Case) -> list[dict[int, Figures]]:
    """Of each round the figures of each size."""
    sizes = case.quick if bench.quick else case.sizes
    commands = {size: case.command(bench, size) for size in sizes}
    ways = {str(size): partial(_took, bench, case, size, commands[size]) for size in sizes}
    found = bench.rounds.measure(f"{case.what}, {case.unit}", 2 if bench.quick else 3, ways)
    return [
        dict(zip(sizes, figures, strict=True))
        for figures in zip(*(found[str(size)] for size in sizes), strict=True)
    ]


def rows(case: Case, rounds: Sequence[Mapping[int, Figures]], sizes: Sequence[int]) -> Iterator[Row]:
    """Time and memory."""
    for name, key, unit, scale in (("time", "processor", "s", 1.0), ("memory", "peak_bytes", "MB", 1e6)):
        at = {size: [each[size][key] / scale for each in rounds] for size in sizes}
        upper = sizes[-2:]
        told = ", ".join(f"{median(at[size]):.3g} {unit} at {size:,}" for size in sizes)
        yield Row(
            f"{case.what}: {name}, {sizes[0]:,} to {sizes[-1]:,} {case.unit}", median(at[sizes[-1]]), None, "", unit,
            slope(upper, [[each[size][key] for size in upper] for each in rounds]), len(rounds), GOAL, note=told,
        )  # fmt: skip


def _took(bench: Bench, case: Case, size: int, command: Command) -> Figures:
    if case.fresh is not None:
        case.fresh(bench, size)
    turn = took(command, good=case.good)
    return {"seconds": turn.elapsed, "processor": turn.processor, "peak_bytes": float(turn.peak)}


def pictures(bench: Bench, count: int) -> Path:
    """A folder of small JPEG files in two classes: pieces of drawn smears, no two alike. Made once, and linked."""
    every = bench.shared / f"pictures-{PICTURE}"
    folder = every / str(count)
    if (folder / "finished").exists():
        return folder / "pictures"
    bench.say(f"draws {count} pictures")
    smears = [
        draw_smear(np.random.default_rng(seed), seed % 2 == 1, (2592, 1944)).pixels for seed in range(4)
    ]
    for number in range(count):
        path = every / "all" / f"{number % 1000:03}" / f"{number:06}.jpg"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _draw(smears[number % len(smears)], number, path)
        linked = (
            folder / "pictures" / ("healthy" if number % len(smears) % 2 == 0 else "leukaemia") / path.name
        )
        linked.parent.mkdir(parents=True, exist_ok=True)
        if not linked.exists():
            linked.hardlink_to(path)
    (folder / "finished").touch()
    return folder / "pictures"


def _draw(smear: "np.typing.NDArray[np.uint8]", number: int, path: Path) -> None:
    """A piece of a smear, three times as large, at a place of its own."""
    rng = np.random.default_rng(number)
    side = 3 * PICTURE
    top, left = (int(rng.integers(0, length - side)) for length in smear.shape[:2])
    piece = Image.fromarray(smear[top : top + side, left : left + side]).reduce(3)
    with files.replacing(path, flush=False) as part:
        piece.save(part, "JPEG", quality=90)


def _edgeall(*words: str) -> Command:
    return [str(Path(sys.executable).with_name("edgeall")), *words]


def _check(bench: Bench, count: int) -> Command:
    return _edgeall("data", "check", str(pictures(bench, count)), "--json")


def _classify(bench: Bench, count: int) -> Command:
    run = samples.made_run(bench, samples.QUICK_SIZE)
    model = run / "exports" / f"{run.name}_tflite-int8.tflite"
    if not model.exists():
        samples.edgeall("export", str(run), "--recipe", "tflite-int8", "--int8-method", "ptq", good=(0, 1))
    return _edgeall("classify", str(pictures(bench, count)), "--model", str(model), "--json", "--force")


def results(shared: Path, artifacts: int, device: str = "laptop") -> Path:
    """A result file with that many artifacts: those of a real bench with other names and other times."""
    template = samples.tiny(shared) / "runs" / "cells" / "bench" / "laptop.json"
    path = shared / f"results-{files.sha256_file(template)[:12]}" / f"{device}-{artifacts}.json"
    if not path.exists():
        document = json.loads(template.read_text(encoding="utf-8"))
        given, rng = document["results"], np.random.default_rng(artifacts)
        document["device"]["name"] = device
        document["results"] = []
        for number in range(artifacts):
            copied = copy.deepcopy(given[number % len(given)])
            name = f"run{number // len(given)}"
            copied["run"] = name
            copied["artifact"] = f"runs/{name}/exports/{Path(copied['artifact']).name}"
            copied["sha256"] = f"{number:064x}"
            _scale(copied, float(rng.uniform(0.5, 2.0)))
            document["results"].append(copied)
        files.write_json(path, document)
    return path


def _scale(result: dict[str, object], factor: float) -> None:
    """Other latencies, in all places of a result."""
    for key in ("latency_ms", "end_to_end_ms"):
        timing = result[key]
        if isinstance(timing, dict):
            for name in ("p50", "p90", "p95", "p99", "mean", "min", "max"):
                if isinstance(timing.get(name), float):
                    timing[name] *= factor
            timing["raw"] = [value * factor for value in timing["raw"]]
            for each in timing["rounds"]:
                each["median"] *= factor


def _of_artifacts(words: Sequence[str]) -> Callable[[Bench, int], Command]:
    def command(bench: Bench, count: int) -> Command:
        return _edgeall(*words, str(results(bench.shared, count)))

    return command


def _of_devices(bench: Bench, count: int) -> Command:
    return _edgeall("report", *(str(results(bench.shared, 6, f"device{number}")) for number in range(count)))


def _export(bench: Bench, count: int) -> Command:
    """INT8 calibrated on that many images, by a recipe of its own, of a copy of the run."""
    configuration = bench.folder / "configuration"
    recipe = configuration / "edgeall" / "export" / f"tflite-int8-{count}.toml"
    if not recipe.exists():
        from edgeall import config_files

        text = config_files.available("export")["tflite-int8"].read_text(encoding="utf-8")
        changed = text.replace("images = 100 ", f"images = {count} ", 1)
        assert changed != text or count == 100
        files.write_text(recipe, changed)
    words = (
        "export",
        str(_copy(bench, count)),
        "--recipe",
        recipe.stem,
        "--int8-method",
        "ptq",
        "--overwrite",
    )
    folder = str(pictures(bench, 10_000 if not bench.quick else 1000))
    variable = f"XDG_CONFIG_HOME={configuration}"
    return ["env", variable, *_edgeall(*words, "--calibration", folder)]


def _copy(bench: Bench, count: int) -> Path:
    """Where the copy of the run is."""
    return bench.folder / f"run-{count}" / samples.made_run(bench, samples.QUICK_SIZE).name


def _without_exports(bench: Bench, count: int) -> None:
    """A copy of the run that has neither artifacts nor cached INT8 models."""
    place = _copy(bench, count).parent
    shutil.rmtree(place, ignore_errors=True)
    copied(samples.made_run(bench, samples.QUICK_SIZE), place)


CASES = (
    Case("data check", "pictures", (100, 1000, 10_000, 100_000), (100, 400, 1600), _check, (0, 1)),
    Case("classify a folder", "pictures", (100, 1000, 10_000, 100_000), (100, 1000), _classify),
    Case("report", "artifacts", (12, 60, 300, 1500), (12, 60, 240), _of_artifacts(["report"])),
    Case("recommend", "artifacts", (12, 60, 300, 1500), (12, 60, 240), _of_artifacts(["recommend"]), (0, 1)),
    Case("report", "devices", (4, 16, 64, 256), (4, 16, 48), _of_devices),
    Case(
        "export to INT8",
        "calibration images",
        (50, 200, 800, 3200),
        (50, 200),
        _export,
        (0, 1),
        fresh=_without_exports,
    ),
)
