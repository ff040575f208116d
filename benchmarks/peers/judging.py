"""All models of a run answer the same pictures in edgeall's own sessions, with the same preprocessing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
from int8_common import Part, probabilities, read_part, score

from edgeall import artifact, files, runs, runtimes, training
from edgeall.runtimes import onnx_providers
from edgeall.shifts.mild import FOR_EXPORT

TEST, VAL = "test", "val"
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """What a model says.

    Attributes:
        scores: probability of a finding, (n,), by the name of a set of pictures.
        float_operators: computed in float, by the engine's own account, conversions left out; None of the Keras model.
        operators: of the whole model, likewise.
    """

    scores: Mapping[str, Scores]
    float_operators: int | None
    operators: int | None


class Judge:
    """Answers of a run's models, each computed once and kept as a line of JSON.

    The sets are validation images, on which thresholds are chosen, test images, and the test images under each shift of
    `edgeall.shifts.mild`.
    """

    def __init__(self, run: runs.Run, kept: Path, data: Path | None = None) -> None:
        self.run, self._kept, self._data = run, kept, data
        self._known: dict[str, Answers] = {}
        if kept.exists():
            text = kept.read_text(encoding="utf-8")
            for line in text[: text.rfind("\n") + 1].splitlines():
                told = json.loads(line)
                scores = {name: np.array(each) for name, each in told["scores"].items()}
                self._known[told["model"]] = Answers(scores, told["float_operators"], told["operators"])

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        found = {part: read_part(self.run, part, self._data) for part in (VAL, TEST)}
        test = found[TEST]
        shifted = {
            name: Part(np.stack([shift(image) for image in test.pixels]), test.truth, test.subjects)
            for name, shift in FOR_EXPORT.items()
        }
        return {**found, **shifted}

    @property
    def image(self) -> Any:
        """A picture for timing."""
        return self.parts[TEST].pixels[0]

    def keras(self) -> Answers:
        """Of the float Keras model."""

        def compute() -> Answers:
            model = training.load_model(self.run)
            return self._ask(lambda pixels: probabilities(self.run, model, pixels), None)

        return self._once(f"keras {files.sha256_file(self.run.model_path)}", compute)

    def model(self, path: Path, format: artifact.Format) -> Answers:
        """Of an INT8 model file.

        Raises:
            EdgeallError: the engine refuses it, or its output is no probability.
        """

        def compute() -> Answers:
            with open_bare(path, format, self.run) as session:
                return self._ask(session.predict, session.executed_precision())

        hashes = [files.sha256_file(each) for each in files_of(path)]
        return self._once(f"{format} {' '.join(hashes)}", compute)

    def _ask(self, predict: Callable[[Any], Any], executed: Any) -> Answers:
        decision = self.run.decision
        scores = {name: score(predict(part.pixels), decision) for name, part in self.parts.items()}
        if executed is None:
            return Answers(scores, None, None)
        left = sum(executed.float_operators.values())
        return Answers(scores, left, sum(executed.operators.values()))

    def _once(self, key: str, compute: Callable[[], Answers]) -> Answers:
        if key not in self._known:
            found = self._known[key] = compute()
            line = {
                "model": key,
                "scores": {name: each.tolist() for name, each in found.scores.items()},
                "float_operators": found.float_operators,
                "operators": found.operators,
            }
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            with self._kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        return self._known[key]


def files_of(path: Path) -> list[Path]:
    """A model's files: OpenVINO's has two, and an ONNX model may have its weights beside it."""
    beside = (path.with_suffix(".bin"), *(path.with_name(path.name + end) for end in ("_data", ".data")))
    return [path, *(each for each in beside if each.is_file())]


def open_bare(path: Path, format: artifact.Format, run: runs.Run) -> runtimes.Session:
    """With the engine's default settings: edgeall's own would guard ONNX Runtime against saturation, and slow it."""
    classes = len(run.decision.labels)
    with mock.patch.object(onnx_providers, "saturates", return_value=False):
        return runtimes.open_model(path, format, run.pixels, classes=classes, threads=1, precision="int8")
