"""What golden answers differ by: other instructions, other threads, other kernels, and other number formats.

    python benchmarks/golden.py runs/NAME/exports/*.{tflite,onnx,xml} --out benchmarks/results/golden.md

Each row is a process of its own, so that an engine chooses its kernels anew. `ONEDNN_MAX_CPU_ISA` takes instructions
from OpenVINO; `qemu-x86_64` (Debian: qemu-user) shows engines another processor. bfloat16 is also simulated in ONNX
Runtime, for processors that lack it: weights, and all that an operator reads, are rounded to bfloat16; products are
added in float32, as bfloat16 instructions do. The simulation of float16 is the same.

Differences are of log-odds, the largest over the four golden pictures of an artifact.
"""

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgeall import artifact as artifacts
from edgeall.artifact import Artifact
from edgeall.golden import answers, pictures
from edgeall.markdown_table import table
from edgeall.measuring import processor

OPENVINO, ONNX, TFLITE = "openvino", "onnx", "tflite"
EVERY = (TFLITE, ONNX, OPENVINO)


@dataclass(frozen=True)
class Way:
    """A way to compute. `right`: whether it must pass; None where it need not do either."""

    name: str
    formats: tuple[str, ...] = EVERY
    precisions: tuple[str, ...] = ("float32", "float16", "int8")
    right: bool | None = True
    threads: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    processor: str | None = None
    hint: str | None = None
    rounded: str | None = None
    saturating: bool = False


WAYS = (
    Way("as it is"),
    Way("2 threads", threads=2),
    Way("oneDNN with AVX2 at most", (OPENVINO,), environment={"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    Way("oneDNN with SSE4.1 at most", (OPENVINO,), environment={"ONEDNN_MAX_CPU_ISA": "SSE41"}),
    Way("oneDNN with AVX-512, no VNNI", (OPENVINO,), environment={"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}),
    Way("QEMU: Haswell (AVX2)", (TFLITE, ONNX), processor="Haswell"),
    Way("QEMU: Westmere (SSE4.2)", (TFLITE, ONNX), processor="Westmere"),
    Way("bfloat16 by OpenVINO's hint", (OPENVINO,), right=False, hint="bf16"),
    Way("bfloat16, simulated", (ONNX,), ("float32",), right=False, rounded="BFLOAT16"),
    Way("float16, simulated", (ONNX,), ("float32",), right=None, rounded="FLOAT16"),
    Way("products that saturate", (ONNX,), ("int8",), right=False, saturating=True),
)


def main() -> int:
    """Measure, and write the table; status 1 where a row is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifacts", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="a Markdown file to write the table to")
    parser.add_argument("--no-emulators", action="store_true", help="leave QEMU's rows out: minutes each")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(
            json.dumps(seen(artifacts.read(args.artifacts[0]), next(w for w in WAYS if w.name == args.one)))
        )
        return 0
    rows, surprises = [], 0
    for path in args.artifacts:
        opened = artifacts.read(path)
        assert opened.metadata.golden is not None
        precision = opened.metadata.precision
        golden = dataclasses.replace(
            opened.metadata.golden,
            logit_tolerance=answers.LOGIT_TOLERANCE[precision],
            probability_tolerance=answers.PROBABILITY_TOLERANCE[precision],
        )
        for way, found in _ways(opened, [way for way in WAYS if not (args.no_emulators and way.processor)]):
            if isinstance(found, str):
                rows.append((path.name, way.name, "-", "-", found))
                continue
            odds = np.abs(answers.log_odds(found) - answers.log_odds(golden.probabilities)).max()
            share = np.abs(np.subtract(found, golden.probabilities)).max()
            times = answers.differences(golden, found).max()
            verdict = "right" if times <= 1 else "wrong"
            surprising = way.right is not None and way.right != (times <= 1)
            surprises += surprising
            rows.append((path.name, way.name, f"{odds:.2g}", f"{share:.2g}", f"{times:.2g}: {verdict}"))
            print(*rows[-1], "(SURPRISING)" if surprising else "", sep="  ", flush=True)
    heads = ("artifact", "computed", "log-odds", "probability", "of the tolerance")
    text = table(heads, rows)
    print(text)
    if args.out:
        args.out.write_text(f"Made with it: {processor.described()}.\n\n{text}\n", encoding="utf-8")
    return 1 if surprises else 0


def _ways(opened: Artifact, ways: Sequence[Way]) -> Iterator[tuple[Way, list[list[float]] | str]]:
    """Probabilities (4, classes) of each way that applies, or why there are none."""
    for way in ways:
        if opened.metadata.format not in way.formats or opened.metadata.precision not in way.precisions:
            continue
        before = []
        if way.processor is not None:
            emulator = shutil.which("qemu-x86_64")
            if emulator is None:
                yield way, "needs qemu-x86_64"
                continue
            before = [emulator, "-cpu", way.processor]
        command = [*before, sys.executable, __file__, str(opened.path), "--one", way.name]
        without = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
        done = subprocess.run(  # noqa: S603
            command, env=without | way.environment, capture_output=True, text=True, check=False
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith(("[", '"'))]
        yield (
            way,
            json.loads(lines[-1]) if lines else f"failed: {(done.stderr.splitlines() or ['?'])[-1][:80]}",
        )


def seen(opened: Artifact, way: Way) -> list[list[float]] | str:
    """Probabilities of the golden pictures, or why there are none; in this process."""
    from edgeall import runtimes
    from edgeall.runtimes import onnx_providers, openvino

    golden, pixels = opened.metadata.golden, opened.metadata.pixels
    assert golden is not None
    images = pictures.pictures(golden.seeds, pixels.size)
    if way.rounded is not None:
        return _simulated(opened, pixels.apply(images), way.rounded)
    if way.processor is not None or way.saturating:
        # QEMU shows programs the real machine's /proc/cpuinfo, where edgeall looks for VNNI.
        onnx_providers.saturates = lambda: not way.saturating  # type: ignore[assignment]
    told = openvino.properties
    if way.hint is not None:
        openvino.properties = lambda *a: told(*a) | {"INFERENCE_PRECISION_HINT": way.hint}
    with runtimes.open_session(opened, way.threads) as session:
        if way.hint is not None and "bfloat16" not in session.executed_precision().operators:
            return "not on this processor"
        if way.saturating and {"avx512_vnni", "avx_vnni"} & set(processor.features()):
            return "not on this processor"
        return session.predict(images).astype(float).tolist()  # type: ignore[no-any-return]


def _simulated(opened: Artifact, inputs: Any, kind: str) -> list[list[float]]:
    """Probabilities with every tensor of the graph rounded to a type of 16 bits, and sums in float32."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    model = onnx.load(str(opened.path))
    graph, floats = model.graph, TensorProto.FLOAT
    made: dict[str, str] = {}
    nodes = []

    def rounded(name: str) -> str:
        if name not in made:
            made[name] = f"{name}/rounded"
            nodes.append(helper.make_node("Cast", [name], [f"{name}/short"], to=getattr(TensorProto, kind)))
            nodes.append(helper.make_node("Cast", [f"{name}/short"], [made[name]], to=floats))
        return made[name]

    weights = {tensor.name for tensor in graph.initializer if tensor.data_type == floats}
    values = {each.name for each in graph.input} | weights
    for node in graph.node:
        if node.op_type in (
            "Conv",
            "Gemm",
            "MatMul",
            "Add",
            "Clip",
            "GlobalAveragePool",
            "ReduceMean",
            "Mul",
            "Relu",
        ):
            # The bias of a convolution stays float32, as in oneDNN.
            kept = 2 if node.op_type in ("Conv", "Gemm") else len(node.input)
            if node.op_type == "Clip":
                kept = 1
            for place, name in enumerate(list(node.input)[:kept]):
                if name in values:
                    node.input[place] = rounded(name)
            values.update(node.output)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rounded.onnx"
        onnx.save(model, str(path))
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        rows = np.concatenate([session.run(None, {name: each[None]})[0] for each in inputs]).astype(float)
    return (np.concatenate([1 - rows, rows], axis=1) if rows.shape[1] == 1 else rows).tolist()  # type: ignore[no-any-return]


if __name__ == "__main__":
    raise SystemExit(main())
