"""NumPy as an inference engine of four operators."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeall.runtimes.accelerator import Accelerator, AcceleratorError
from edgeall.runtimes.precision import Operator
from edgeall.runtimes.session import EngineInfo, Port, SessionOptions, Stages, Tensor

KERNELS: dict[str, Callable[..., Tensor]] = {
    "Mean": lambda x, axes: x.mean(axis=tuple(axes.astype(int))),
    "MatMul": np.matmul,
    "AddV2": np.add,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


class NumpyNetwork:
    card: dict[str, Any] | None = None
    stages: Stages | str = "NumPy computes on the processor: nothing is copied to an accelerator"

    def __init__(self, path: Path, setup: SessionOptions) -> None:
        if setup.accelerator is not None:
            raise AcceleratorError(f"{path}: {lacking(setup.accelerator)}")
        network = json.loads(path.read_bytes().partition(b"\n")[0])
        self.engine = EngineInfo("numpy", np.__version__)
        self.input, self.output = (
            Port((setup.batch, *network[side]), np.dtype(np.float32)) for side in ("input", "output")
        )
        self._steps = [
            (kind, [np.array(constant, np.float32) for constant in constants])
            for kind, *constants in network["steps"]
        ]

    def run(self, tensor: Tensor) -> Tensor:
        for kind, constants in self._steps:
            tensor = KERNELS[kind](tensor, *constants)
        return tensor

    def operators(self) -> Sequence[Operator]:
        return [Operator(kind, "float32") for kind, _ in self._steps]

    def placement(self) -> dict[str, int | None]:
        return {"CPU": len(self._steps)}

    def close(self) -> None:
        self._steps = []


load = NumpyNetwork


def settings(setup: SessionOptions) -> dict[str, Any]:
    return {}


def lacking(accelerator: Accelerator) -> str | None:
    return f"NumPy computes on the processor, not on {accelerator}"
