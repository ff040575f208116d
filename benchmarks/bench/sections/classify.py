"""`edgeall classify` beside a short script with the same engine."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from statistics import median

from classify_speed import FEW, PROCESSORS, SIZE, Turn, check, draw, script_for, serial_share, took

from bench import samples
from bench.ratios import ratio
from bench.rounds import Figures
from bench.section import Bench, Goal, Row
from edgeall import artifact, files
from edgeall.artifact import Artifact

NAME = "classify"
TITLE = "`classify` beside a short script"
ABOUT = f"""The script imports NumPy, Pillow and LiteRT, decodes a JPEG at a reduced scale, resizes it, maps its bytes,
runs the model and prints the score: what a person writes who wants nothing else. Both run on the same {PROCESSORS}
processors, each in a process of its own, on drawn smears of {SIZE[0]} x {SIZE[1]} pixels. Beside a folder run two
processes of the script with half of the pictures each. All scores are equal to the last bit, or there is no table.

The first turn is not counted: edgeall checks the engine there, if the artifact has answers for that.

Goals: a cold start of at most 1.15 of the script's time, a rate of at least 0.95, memory of at most 1.3."""

PEER = "script"


def lacking(options: Mapping[str, Path], shared: Path) -> str | None:
    return None


def basis(options: Mapping[str, Path], quick: bool) -> Mapping[str, str]:
    given = options.get("artifact")
    name = (
        samples.name_of(options, quick) if given is None else f"{given.name} {files.sha256_file(given)[:12]}"
    )
    engine = "ai-edge-litert"
    return {"model": name, engine: metadata.version(engine), "pillow": metadata.version("pillow")}


def measure(bench: Bench) -> Iterator[Row]:
    starts, folders, pictures = (8, 3, 60) if bench.quick else (40, 10, 300)
    model = _model(bench)
    with _few_processors():
        yield from _measure(bench, model, starts, folders, pictures)


def _measure(bench: Bench, model: Artifact, starts: int, folders: int, count: int) -> Iterator[Row]:
    place = bench.folder / "pictures"
    paths = sorted(map(str, place.glob("*.jpg"))) if (place / "finished").exists() else _drawn(place, count)
    script = bench.folder / "script.py"
    script.write_text(script_for(model), encoding="utf-8")
    plain = [sys.executable, str(script), str(model.path)]
    command = Path(sys.executable).with_name("edgeall")
    edgeall = [str(command), "classify", "--model", str(model.path), "--json", "--force"]
    half = count // 2
    turns: dict[str, Turn] = {}

    def told(way: str, *commands: list[str]) -> Figures:
        turns[way] = turn = took(*commands)
        return {"seconds": turn.elapsed, "processor": turn.processor, "peak_bytes": float(turn.peak)}

    one = {
        PEER: lambda: told(PEER, [*plain, *paths[:1]]),
        "edgeall": lambda: told("edgeall", [*edgeall, *paths[:1]]),
    }
    whole = {
        PEER: lambda: told(PEER, [*plain, *paths[:half]], [*plain, *paths[half:]]),
        "edgeall": lambda: told("edgeall", [*edgeall, *paths]),
    }
    few = {
        PEER: lambda: told(PEER, [*plain, *paths[:FEW]]),
        "edgeall": lambda: told("edgeall", [*edgeall, *paths[:FEW]]),
    }

    def scores() -> Figures:
        for way in whole.values():
            way()
        check(model, turns[PEER], turns["edgeall"])
        return {"pictures": count}

    bench.rounds.measure("scores are equal", 1, {"both": scores})
    bench.rounds.measure("first turn", 1, one)
    start = bench.rounds.measure("one picture", starts, one)
    folder = bench.rounds.measure("folder", folders, whole)
    fewer = bench.rounds.measure("few pictures", 1, few)
    serial = bench.rounds.measure(
        "serial share", 1, {"edgeall": lambda: {"share": serial_share(bench.folder, model, paths)}}
    )

    def row(
        what: str, found: Mapping[str, list[Figures]], key: str, unit: str, scale: float, goal: Goal | None
    ) -> Row:
        ours, theirs = ([each[key] / scale for each in found[way]] for way in ("edgeall", PEER))
        return Row(what, median(ours), median(theirs), PEER, unit, ratio(ours, theirs), len(ours), goal)

    rate = {way: [{"rate": count / each["seconds"]} for each in folder[way]] for way in folder}
    memory = Goal(most=1.3)
    yield row("one picture: time from start to end", start, "seconds", "s", 1, Goal(most=1.15))
    yield row("one picture: processor time", start, "processor", "s", 1, None)
    yield row("one picture: peak memory", start, "peak_bytes", "MB", 1e6, memory)
    yield row(f"{count} pictures: rate", rate, "rate", "pictures/s", 1, Goal(least=0.95))
    yield row(f"{count} pictures: processor time", folder, "processor", "s", 1, None)
    yield row(f"{count} pictures: peak memory, of one process", folder, "peak_bytes", "MB", 1e6, memory)
    grown = ratio([folder["edgeall"][-1]["peak_bytes"]], [fewer["edgeall"][0]["peak_bytes"]])
    share = serial["edgeall"][0]["share"]
    yield Row(
        f"peak memory, {count} pictures by {FEW}", None, None, "", "", grown, 1,
        note=f"the thread that hands out the answers takes {share:.1%} of the processor time of {count - FEW} more",
    )  # fmt: skip


def _model(bench: Bench) -> Artifact:
    if given := bench.options.get("artifact"):
        return artifact.read(given)
    [found] = [
        each
        for each in samples.artifacts(bench)
        if (each.metadata.format, each.metadata.precision) == ("tflite", "int8")
    ]
    return found


def _drawn(place: Path, count: int) -> list[str]:
    for path in place.glob("*.jpg"):
        path.unlink()
    paths = draw(place, count)
    (place / "finished").touch()
    return paths


@contextmanager
def _few_processors() -> Iterator[None]:
    """Both ways on the same two processors."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:PROCESSORS])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
