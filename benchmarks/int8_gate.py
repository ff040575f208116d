"""Does the gate of INT8 exports refuse broken models, and pass sound ones? `make int8-gate RUNS="..."`.

Negative controls are INT8 models with one known fault each, treated as exports treat theirs: with their own
temperature and threshold. Positive controls are float models rounded as common hardware rounds them. Outputs are for
the validation images of each run. The gate judges every run alone, and the pooled folds of each cross-validation.
Outputs are cached in --cache, since computing them takes most of the time.
"""

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
from int8_common import Floats, Part, find_runs, probabilities, read_calibration, read_part, score, table

from edgeall import artifact, files, runtimes, training
from edgeall.artifact import Parity
from edgeall.errors import ExportError
from edgeall.exporting import gate, int8, load_recipe
from edgeall.exporting.int8 import fake_quant, sensitivity
from edgeall.exporting.int8.ir import FloatWeights, IrModel, Node
from edgeall.exporting.int8_methods import post_training
from edgeall.exporting.own_decision import own_decision
from edgeall.exporting.paired_scores import PairedScores, concatenate, pair_scores
from edgeall.exporting.source_models import class_probabilities
from edgeall.pixels import ByteImage
from edgeall.runs import Run
from edgeall.training.folds import SUFFIX

RECIPE = load_recipe("onnx-int8")
"""Whose limits the gate holds the controls to."""
BITS = RECIPE.fine_tuning.weight_bits if RECIPE.fine_tuning else 7
ACCEPTED = 15 / 16
"""Least share of the runs in which a positive control must not fail. A run's images alone may be too few to prove that
it is sound; those of a whole cross-validation must."""
SENSITIVITY_IMAGES = 8
"""Calibration images for the sensitivity table."""
TOO_WIDE = 10
"""Times the right range."""
MANTISSA = 10
"""Bits of the mantissa of float16 and of TF32."""


class Stages:
    """A run's INT8 model as exports make it by bias correction, in the stages that the controls leave out or change."""

    def __init__(self, run: Run, data: Path | None) -> None:
        self.run = run
        self._data = data

    @cached_property
    def calibration(self) -> ByteImage:
        return read_calibration(self.run, self._data)

    @cached_property
    def keras(self) -> Any:
        return training.load_model(self.run)

    @cached_property
    def ir(self) -> IrModel:
        return int8.prepare(self.keras)

    @cached_property
    def equalized(self) -> tuple[IrModel, Mapping[str, int8.QuantParams]]:
        return post_training.calibrated(self.keras, self.calibration, self.run.pixels)

    @cached_property
    def corrected(self) -> IrModel:
        images = self.calibration[: int8.CORRECTION_IMAGES]
        return int8.correct_biases(*self.equalized, BITS, images, self.run.pixels, gptq=True)

    @cached_property
    def worst(self) -> Node:
        """The layer with the lowest SQNR when it alone is rounded, of those with weights and several channels."""
        ir, quant_params = self.equalized
        rows = sensitivity.measure(
            ir, quant_params, BITS, self.calibration[:SENSITIVITY_IMAGES], self.run.pixels
        )
        nodes = [ir.graph.by_name[row.layer] for row in sorted(rows, key=lambda row: row.own_db)]
        return next(node for node in nodes if node.name in ir.weights and node.shape[-1] > 1)


def sound(stages: Stages) -> int8.QuantizedModel:
    """No fault: what the others are to be compared with."""
    return _frozen(stages.corrected, stages.equalized[1])


def nearest(stages: Stages) -> int8.QuantizedModel:
    """The equalized model with weights rounded to the nearest codes, and biases not corrected."""
    return _frozen(*stages.equalized)


def wide_range(stages: Stages) -> int8.QuantizedModel:
    """A range `TOO_WIDE` times too wide in the tensor that rounding harms most."""
    quant_params = dict(stages.equalized[1])
    group = stages.corrected.graph.groups[stages.worst.name]
    quant_params[group] = int8.QuantParams(
        quant_params[group].scale * TOO_WIDE, quant_params[group].zero_point
    )
    return _frozen(stages.corrected, quant_params)


def swapped_channels(stages: Stages) -> int8.QuantizedModel:
    """The channels of that tensor with the greatest and the least mean, exchanged."""
    node = stages.worst
    model = fake_quant.float_model(stages.equalized[0], every_tensor=True)
    tensor = model.predict_on_batch(stages.run.pixels.apply(stages.calibration[:SENSITIVITY_IMAGES]))[
        node.name
    ]
    means = np.asarray(tensor).reshape(-1, node.shape[-1]).mean(axis=0)
    order = np.arange(node.shape[-1])
    most, least = int(means.argmax()), int(means.argmin())
    order[[most, least]] = least, most
    weights = stages.corrected.weights[node.name]
    axis = 2 if node.kind == "depthwise" else -1
    scale = weights.scale
    if scale is not None and scale.shape[axis] > 1:
        scale = np.take(scale, order, axis)
    mixed = FloatWeights(np.take(weights.kernel, order, axis), weights.bias[order], scale)
    return _frozen(
        replace(stages.corrected, weights={**stages.corrected.weights, node.name: mixed}), stages.equalized[1]
    )


def float16(stages: Stages, pixels: ByteImage) -> Floats:
    """The Keras model computing in float16 throughout; its input is float16 too."""

    def halved(layer: Any) -> Any:
        return type(layer).from_config(layer.get_config() | {"dtype": "float16"})

    model = keras.models.clone_model(stages.keras, clone_function=halved)
    model.set_weights(stages.keras.get_weights())
    return probabilities(stages.run, model, pixels)


def short_mantissa(stages: Stages, pixels: ByteImage) -> Floats:
    """Float32 with weights and activations rounded to a mantissa of `MANTISSA` bits."""
    ir = stages.ir
    rounded = {name: (_short(each.kernel), _short(each.bias)) for name, each in ir.weights.items()}

    class Rounded(keras.layers.Layer):  # type: ignore[misc]
        def call(self, images: Any) -> Any:
            return fake_quant.evaluate(
                ir.graph, lambda node: rounded[node.name], images, lambda node, value: _short(value)
            )

    images = keras.Input(ir.graph.input.shape, dtype="float32")
    return probabilities(stages.run, keras.Model(images, Rounded()(images)), pixels)


NEGATIVE: dict[str, Callable[[Stages], int8.QuantizedModel]] = {
    "nearest": nearest,
    "wide-range": wide_range,
    "swapped-channels": swapped_channels,
}
POSITIVE: dict[str, Callable[[Stages, ByteImage], Floats]] = {
    "float16": float16,
    "mantissa-10": short_mantissa,
}
SOUND = "no-fault"
"""The INT8 model that the negative controls break. The gate may pass it or not: it is not a control."""
OUTCOMES = ("passed", "failed", "unproven")


@dataclass(frozen=True)
class ControlOutputs:
    """Class probabilities (n, k) for a run's n validation images.

    Attributes:
        truth: class indices (n,).
        outputs: by the Keras model ("float") and by each control.
        worst: the layer that the controls `wide-range` and `swapped-channels` break.
    """

    run: Run
    truth: Any
    subjects: tuple[str | None, ...]
    outputs: Mapping[str, Floats]
    worst: str

    def paired(self, control: str) -> PairedScores:
        """A control's outputs beside the float model's.

        Raises:
            ExportError: they are those of no model.
        """
        decision = self.run.decision
        own = decision
        if control not in POSITIVE:
            own = own_decision(
                self.run, score(self.outputs["float"], decision), score(self.outputs[control], decision)
            )
        reference = self.outputs["float"]
        return pair_scores(
            self.truth.tolist(), self.subjects, reference, self.outputs[control], decision, own
        )


def outputs_of(run: Run, data: Path | None, cache: Path, engine: str | None) -> ControlOutputs:
    """Make a run's outputs, or read them from `cache`."""
    path = cache / f"{run.path.parent.name}-{run.name}{f'-{engine}' if engine else ''}.npz"
    members = run.split.val
    truth, subjects = np.asarray(run.class_indices("val")), tuple(member.subject for member in members)
    key = f"{files.sha256_file(run.model_path)} {files.sha256_file(run.path / 'run.json')}"
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["key"]) == key:
                given = {name: kept[name] for name in kept.files if name not in ("key", "worst")}
                return ControlOutputs(run, truth, subjects, given, str(kept["worst"]))
    stages, part = Stages(run, data), read_part(run, "val", data)
    given = {"float": probabilities(run, stages.keras, part.pixels)}
    for name, make in {SOUND: sound, **NEGATIVE}.items():
        given[name] = integer_outputs(run, make(stages), part, engine)
    for name, answer in POSITIVE.items():
        given[name] = answer(stages, part.pixels)
    cache.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as place, place.open("wb") as file:
        np.savez(file, key=key, worst=stages.worst.name, **given)
    return ControlOutputs(run, truth, subjects, given, stages.worst.name)


def integer_outputs(run: Run, model: int8.QuantizedModel, part: Part, engine: str | None) -> Floats:
    """Class probabilities (n, k) of an INT8 model with its own temperature, simulated or in an engine."""
    logits = int8.simulated_logits(model, part.pixels, run.pixels)
    if run.calibration.get("method", "none") != "none":
        assert part.truth is not None
        model, logits, _ = int8.with_own_temperature(model, logits, part.truth)
    if engine is None:
        return class_probabilities(int8.probabilities(model, logits))
    format = cast(artifact.Format, engine)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"control{artifact.suffix_of(format)}"
        int8.write(model, engine, path)
        classes = len(run.decision.labels)
        with runtimes.open_model(
            path, format, run.pixels, classes=classes, threads=1, precision="int8"
        ) as session:
            return session.predict(part.pixels)


Judgement = Parity | str
"""The gate's parity; for outputs that are not those of a model, the error."""


def judge(folds: list[ControlOutputs], control: str) -> Judgement:
    """The gate's parity of a control on all images of `folds`."""
    try:
        return gate.judge(concatenate([fold.paired(control) for fold in folds]), RECIPE.parity)
    except ExportError as error:
        return str(error)


def outcome(judged: Judgement) -> str:
    """Of a judgement: "passed", "failed" or "unproven"."""
    return "failed" if isinstance(judged, str) else judged.word


def main() -> int:
    """Print Markdown tables; status 1 where a control is judged wrongly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="runs, or folders of a cross-validation's")
    parser.add_argument("--data", type=Path, help="where the runs' images are now")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the controls' outputs")
    parser.add_argument(
        "--engine", choices=artifact.FORMATS, help="compute INT8 controls there, not in simulation"
    )
    args = parser.parse_args()
    found = []
    for run in find_runs(args.runs):
        print(f"{run.path}", file=sys.stderr)
        found.append(outputs_of(run, args.data, args.cache, args.engine))
        keras.backend.clear_session()
    together: dict[str, list[ControlOutputs]] = defaultdict(list)
    for each in found:
        if each.run.path.parent.name.endswith(SUFFIX):
            together[each.run.path.parent.name].append(each)
    pools = {name: folds for name, folds in together.items() if len(folds) > 1}
    names = [*NEGATIVE, *POSITIVE, SOUND]
    alone = {name: [judge([each], name) for each in found] for name in names}
    pooled = {name: {pool: judge(folds, name) for pool, folds in pools.items()} for name in names}
    layers = Counter(each.worst for each in found)
    print(
        f"{len(found)} runs, {sum(len(each.truth) for each in found)} validation images; "
        f"INT8 {'in ' + args.engine if args.engine else 'simulated'}. "
        f"Broken layers: {', '.join(f'{layer} ({n})' for layer, n in layers.most_common())}.\n"
    )
    print(summary(alone))
    if pools:
        print(f"\n{pooled_table(pooled)}")
    wrong = [name for name in (*NEGATIVE, *POSITIVE) if misjudged(name, alone[name], pooled[name])]
    for name in POSITIVE:
        for each, judged in zip(found, alone[name], strict=True):
            if outcome(judged) != "passed":
                place = f"{each.run.path.parent.name} {each.run.name}"
                print(f"\n{name}, {place}: {outcome(judged)}, {reason(judged)}")
    print(f"\n{'Judged wrongly: ' + ', '.join(wrong) if wrong else 'Every control is judged rightly.'}")
    return bool(wrong)


def summary(alone: Mapping[str, list[Judgement]]) -> str:
    """A row a control: outcomes of runs each judged alone, and means over runs."""
    head = (
        *("control", "wanted", *OUTCOMES),
        *("mean ΔAUC", "mean Δlog-loss", "mean Δp", "clear verdicts kept"),
    )
    lines = []
    for name, judged in alone.items():
        counts = Counter(map(outcome, judged))
        known = [each for each in judged if not isinstance(each, str)]
        means = [
            _mean(known, figure)
            for figure in ("auc_delta", "log_loss_delta", "mean_abs_diff", "clear_agreement")
        ]
        lines.append([name, expected_outcome(name), *(str(counts[each]) for each in OUTCOMES), *means])
    return table(head, lines)


def pooled_table(pooled: Mapping[str, Mapping[str, Judgement]]) -> str:
    """A row a control and cross-validation, whose folds are judged as one."""
    head = (
        *("control", "wanted", "folds", "n", "outcome"),
        *("ΔAUC", "Δlog-loss", "clear verdicts kept", "because"),
    )
    lines = []
    for name, judgements in pooled.items():
        for pool, judged in judgements.items():
            cells, figures = (
                [name, expected_outcome(name), pool],
                ("auc_delta", "log_loss_delta", "clear_agreement"),
            )
            known = [] if isinstance(judged, str) else [judged]
            shown = [_mean(known, figure) for figure in figures]
            n = str(judged.n) if isinstance(judged, Parity) else "–"
            lines.append([*cells, n, outcome(judged), *shown, reason(judged)])
    return table(head, lines)


def misjudged(name: str, alone: list[Judgement], pooled: Mapping[str, Judgement]) -> bool:
    """Whether a negative control passes anywhere; whether a positive one fails too often, or is not proven by all."""
    if name in NEGATIVE:
        return "passed" in map(outcome, (*alone, *pooled.values()))
    failed = sum(outcome(judged) == "failed" for judged in alone)
    return failed > (1 - ACCEPTED) * len(alone) or {*map(outcome, pooled.values())} - {"passed"} != set()


def reason(judged: Judgement) -> str:
    """Why a control does not pass."""
    return judged if isinstance(judged, str) else "; ".join(judged.reasons)


def expected_outcome(name: str) -> str:
    """The outcome that the gate should give a control."""
    return "not passed" if name in NEGATIVE else "passed" if name in POSITIVE else "–"


def _mean(judged: list[Parity], figure: str) -> str:
    values = [value for each in judged if (value := getattr(each, figure)) is not None]
    return f"{np.mean(values):.3f}" if values else "–"


def _frozen(ir: IrModel, quant_params: Mapping[str, int8.QuantParams]) -> int8.QuantizedModel:
    return int8.freeze(ir.graph, ir.weights, quant_params, BITS)


def _short(value: Any) -> Any:
    """float32 rounded to the nearest of `MANTISSA` bits, by Veltkamp's splitting (Dekker, Numer Math 18, 1971)."""
    high = value * float(2 ** (23 - MANTISSA) + 1)
    return high - (high - value)


if __name__ == "__main__":
    sys.exit(main())
