"""Damaged JSON, TOML and CSV under every command that reads one."""

import json
import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from campaign import Kind, promise
from changed_bytes import changed_bytes
from commands import call, check_figures, documents_in, working_in
from mutations import changed

SAMPLE = Path(__file__).resolve().parents[1] / "stability" / "samples" / "05-6c65b40.tar.xz"
"""Runs, artifacts and results of the whole journey with a network of 32 pixels."""

RECIPE = Path(__file__).resolve().parents[2] / "export" / "onnx-int8.toml"
PROFILE = 'reach = "local"\nnote = "mine"\nthreads = [1]\nformats = ["onnx"]\n\n[limits]\npass_seconds = 60\n'
CSV_LINES = ("\x00", '"', "a,b", "inf", "nan", "-1", "1e999", "\udcff", "=cmd", "9" * 400)


@dataclass(frozen=True)
class Reader:
    """A command that reads a file: {file}, {name} and {out} stand for the file, its run's name and an output."""

    words: str
    suffix: str = ""

    def arguments(self, file: str, out: str) -> list[str]:
        name = file.split("/")[1] if "/" in file else file
        return [word.format(file=file, name=name, out=f"{out}{self.suffix}") for word in self.words.split()]


RESULTS = (
    Reader("report {file} --json"),
    Reader("report {file} --format markdown"),
    Reader("report {file} --format csv"),
    Reader("report {file} -o {out}", ".html"),
    Reader("report {file} runs/kinds -o {out}", ".txt"),
    Reader("recommend {file} --json"),
    Reader("compare {file} runs/second/bench/laptop.json --json"),
    Reader("cards runs/second --results {file} runs/second -o {out}"),
)
RUNS = (
    Reader("compare runs/{name} runs/second --json"),
    Reader("compare runs/{name} runs/cells.folds"),
    Reader("ensemble runs/{name} runs/second --name {out} --json"),
    Reader("cards runs/{name} -o {out}"),
    Reader("report runs/{name} -o {out}", ".html"),
)
FOLDS = (Reader("compare runs/cells.folds runs/again.folds --json"),)
BOTH = (
    Reader("compare runs/both runs/cells --json"),
    Reader("bench runs/both --device missing"),
    Reader("report runs/both --json"),
)
READERS: dict[str, tuple[Reader, ...]] = {
    "runs/cells/bench/laptop.json": RESULTS,
    "runs/both/bench/laptop.json": RESULTS,
    "runs/cells/run.json": RUNS,
    "runs/cells/predictions.csv": RUNS,
    "runs/cells/exports/manifest.json": (
        Reader("cards runs/cells -o {out}"),
        Reader("report runs/cells -o {out}", ".html"),
    ),
    "runs/cells.folds/pooled.json": FOLDS,
    "runs/cells.folds/predictions.csv": FOLDS,
    "runs/both/ensemble.json": BOTH,
    "runs/both/predictions.csv": BOTH,
    "config/edgeall/devices/mine.toml": (
        Reader("bench absent.onnx --device mine"),
        Reader("recommend --device mine --json"),
    ),
    "mine-recipe.toml": (Reader("export absent --recipe mine-recipe.toml"),),
    ".verdicts.csv.unfinished": (Reader("classify pictures -o verdicts.csv --model runs/cells/exports/{model}"),),
    "cache": (Reader("classify pictures --json --model runs/cells/exports/{model}"),),
}  # fmt: skip


class DamagedDocuments(Kind):
    quick, sample, full = 26, 600, 4_000
    bounded = True

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.folder = place / "journey"
        shutil.rmtree(self.folder, ignore_errors=True)
        unpack(self.folder)
        os.environ["XDG_CONFIG_HOME"] = str(self.folder / "config")
        os.environ["XDG_CACHE_HOME"] = str(self.folder / "cache")
        os.environ["MPLCONFIGDIR"] = str(place / "matplotlib")
        profile = self.folder / "config" / "edgeall" / "devices" / "mine.toml"
        profile.parent.mkdir(parents=True)
        profile.write_text(PROFILE)
        shutil.copy(RECIPE, self.folder / "mine-recipe.toml")
        self.model = next((self.folder / "runs/cells/exports").glob("*onnx-fp32.onnx")).name
        self._begin_verdicts()
        self.readers = [(file, reader) for file, readers in READERS.items() for reader in readers]
        self.sound: dict[str, bytes] = {}

    def _begin_verdicts(self) -> None:
        """A journal of verdicts as an interrupted call leaves it, and what is remembered of golden answers."""
        from edgeall.field import verdict_file

        finish = verdict_file.VerdictFile.finish
        verdict_file.VerdictFile.finish = lambda self: None  # type: ignore[method-assign]
        model = f"runs/cells/exports/{self.model}"
        try:
            with working_in(self.folder):
                call("classify", "pictures", "-o", "verdicts.csv", "--model", model)
                self.verdicts = documents_in(call("classify", "pictures", "--json", "--model", model).out)
        finally:
            verdict_file.VerdictFile.finish = finish  # type: ignore[method-assign]
        self.remembered = [path for path in (self.folder / "cache").rglob("*") if path.is_file()]
        promise((self.folder / ".verdicts.csv.unfinished").is_file(), "no journal")
        promise(self.remembered, "no golden answers are remembered")

    def one(self, seed: int) -> str:
        rng = random.Random(seed)
        file, reader = self.readers[seed % len(self.readers)]
        path = self.remembered[0] if file == "cache" else self.folder / file
        sound = self.sound.setdefault(file, path.read_bytes())
        damaged = damage(rng, sound, path.suffix)
        words = [word.replace("{model}", self.model) for word in reader.words.split()]
        out = f"out{seed}"
        arguments = Reader(" ".join(words), reader.suffix).arguments(file, out)
        path.write_bytes(damaged)
        before = self._files()
        try:
            with working_in(self.folder):
                said = call(*arguments)
            if said.status != 2 and "--json" in arguments and said.out:
                check_figures(documents_in(said.out))
            if file in ("cache", ".verdicts.csv.unfinished"):
                self._check_verdicts(file, said.status)
            left = self._files() - before
            promise(not any(each.name.startswith(".") for each in left), f"{left} are left behind")
            promise(said.status != 2 or file.startswith(".") or not left, f"status 2, and {left}")
        except AssertionError as error:
            raise type(error)(f"{' '.join(arguments)}: {error}") from None
        finally:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sound)
            self._clear(before)
        return f"{reader.words.split()[0]} status {said.status}"

    def _check_verdicts(self, file: str, status: int) -> None:
        import csv

        if file == "cache" or status == 2:
            return
        with (self.folder / "verdicts.csv").open(newline="") as text:
            rows = {row["path"]: row for row in csv.DictReader(text)}
        for sound in self.verdicts:
            row = rows[sound["path"]]
            figure = row["probability"]
            promise(not figure or 0 <= float(figure) <= 1, f"probability {figure}")

    def _files(self) -> set[Path]:
        return {path for path in self.folder.rglob("*") if "cache" not in path.parts}

    def _clear(self, before: set[Path]) -> None:
        for path in sorted(self._files() - before, reverse=True):
            path.unlink() if path.is_file() else path.rmdir()


def unpack(folder: Path) -> None:
    """The sample, in a folder."""
    # Python before 3.11.4 has no filter; the sample is this repository's own.
    shutil.unpack_archive(SAMPLE, folder)


def damage(rng: random.Random, content: bytes, suffix: str) -> bytes:
    """Bytes changed in any way; or, of JSON, one value of another kind; of CSV, one cell; of TOML, one line."""
    if rng.random() < 0.4:
        return changed_bytes(rng, content)
    if suffix == ".csv":
        lines = content.decode().splitlines(keepends=True)
        at = rng.randrange(len(lines))
        cells = lines[at].rstrip("\n").split(",")
        cells[rng.randrange(len(cells))] = rng.choice(CSV_LINES)
        lines[at] = ",".join(cells) + "\n"
        return "".join(lines).encode("utf-8", "surrogateescape")
    if suffix == ".toml":
        lines = content.decode().splitlines(keepends=True)
        at = rng.randrange(len(lines))
        value = rng.choice(
            ("[" * 3000, "nan", "-1", '"\\u0000"', "{}", "1e400", "9" * 5000, '["a", 1]', "1979-05-27")
        )
        key = (
            ".".join("k" * rng.choice((1, 99, 101, 5000)))
            if rng.random() < 0.1
            else lines[at].split("=")[0].strip()
        )
        lines[at] = f"{key or 'x'} = {value}\n"
        return "".join(lines).encode()
    try:
        document = json.loads(content)
    except ValueError:
        return changed_bytes(rng, content)
    if rng.random() < 0.05:
        return b"[" * rng.choice((100, 5000, 200_000))
    return json.dumps(one_changed(rng, document)).encode()


def one_changed(rng: random.Random, document: object) -> object:
    """One of the changes of `mutations`, drawn by walking down at random."""
    if isinstance(document, dict | list) and document and rng.random() < 0.8:
        key = rng.choice(list(document)) if isinstance(document, dict) else rng.randrange(len(document))
        if isinstance(document[key], dict | list) and document[key]:
            copy = document.copy()
            copy[key] = one_changed(rng, document[key])
            return copy
        part = {key: document[key]} if isinstance(document, dict) else [document[key]]
        _, made = rng.choice(list(changed(part, 1)))
        if isinstance(document, dict):
            return {name: value for name, value in document.items() if name != key} | made
        return [*document[:key], *made, *document[key + 1 :]]
    changes = list(changed(document, 1))
    return rng.choice(changes)[1] if changes else None
