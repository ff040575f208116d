"""Artifacts of a run by one `edgeall export`, beside a converter call for each."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from statistics import median

from export_speed import RECIPES, Cost, bare, copied, export

from bench import samples
from bench.ratios import ratio
from bench.rounds import Figures
from bench.section import Bench, Goal, Row
from edgeall import runs

NAME = "export"
TITLE = "Nine artifacts by one export"
ABOUT = """TFLite, ONNX and OpenVINO in float32, float16 and INT8, from one Keras model. INT8 is calibrated alone
(`--int8-method ptq`), so that both ways make the same. A bare converter call stands for a script of its own: it loads
the Keras model, exports what its converter reads and converts it, and checks nothing. `edgeall export` also checks each
artifact in its own engine. Each round begins with a fresh copy of the run. Processor time is that of the commands and
all that they start.

Goals: at most 0.2 of the converters' time and 0.35 of their processor time; 1 s where nothing has changed."""

PEER = "bare converters"


def lacking(options: Mapping[str, Path], shared: Path) -> str | None:
    return None


def basis(options: Mapping[str, Path], quick: bool) -> Mapping[str, str]:
    packages = ("tensorflow-cpu", "openvino", "nncf", "onnxruntime", "tf2onnx")
    return {"run": samples.name_of(options, quick), **{name: _version(name) for name in packages}}


def measure(bench: Bench) -> Iterator[Row]:
    recipes, count = (RECIPES[:3], 2) if bench.quick else (RECIPES, 5)
    given = samples.run(bench)
    with tempfile.TemporaryDirectory(prefix="edgeall-bench-") as scratch:
        folder, numbers = Path(scratch), iter(range(10**9))

        def together() -> Figures:
            """One export; then the same again; then with other calibration images."""
            place = folder / str(next(numbers))
            run = copied(given, place)
            first, again = export(run, recipes), export(run, recipes)
            if len(first.made) != len(recipes) or again.made:
                raise RuntimeError(f"{first.made} were made, and then {again.made}")
            other = export(run, recipes, "--calibration", str(_calibration(run, place)), "--overwrite")
            shutil.rmtree(place)
            return {**_figures("", first), **_figures("again_", again), **_figures("other_", other)}

        found = bench.rounds.measure(
            f"{len(recipes)} artifacts",
            count,
            {"edgeall": together, PEER: lambda: _figures("", bare(given, recipes))},
        )
    ours, theirs = found["edgeall"], found[PEER]

    def row(what: str, key: str, than: str, goal: Goal | None) -> Row:
        mine, others = [each[key] for each in ours], [each[than] for each in theirs]
        return Row(what, median(mine), median(others), PEER, "s", ratio(mine, others), count, goal)

    several = "nine artifacts" if recipes == RECIPES else f"{len(recipes)} artifacts"
    limits = (Goal(most=0.2), Goal(most=0.35)) if recipes == RECIPES else (None, None)
    yield row(f"{several}: time", "seconds", "seconds", limits[0])
    yield row(f"{several}: processor time", "processor", "processor", limits[1])
    yield row("INT8 again, from other calibration images: time", "other_seconds", "seconds", None)
    again = [each["again_seconds"] for each in ours]
    yield Row(
        "nothing has changed: time, beside 1 s", median(again), 1.0, "goal", "s", ratio(again, [1.0] * count), count,
        Goal(most=1),
    )  # fmt: skip


def _figures(prefix: str, cost: Cost) -> Figures:
    return {f"{prefix}seconds": cost.elapsed, f"{prefix}processor": cost.processor}


def _calibration(run: Path, place: Path) -> Path:
    """Forty validation images, as a folder of the user's own."""
    loaded, own = runs.load(run), place / "calibration"
    for member in loaded.split.val[:40]:
        target = own / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(loaded.data.root / member.name, target)
    return own


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"
