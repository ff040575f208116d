"""A loaded model, whatever the engine: bytes of an image in, class probabilities out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Precision
from edgeall.engines import Engine
from edgeall.errors import EngineError
from edgeall.pixels import ByteImage, PixelMapping
from edgeall.runtimes import precision
from edgeall.runtimes.accelerator import Accelerator
from edgeall.runtimes.precision import ExecutedPrecision, Operator
from edgeall.values import dataclass

Tensor = npt.NDArray[Any]
Probabilities = npt.NDArray[np.float32]

_TOLERANCE = 1e-3
"""How far beyond [0, 1] rounding may carry a probability."""


@dataclass(frozen=True)
class EngineInfo:
    """Which engine runs a model. `name` is its Python distribution's."""

    name: str
    version: str


@dataclass(frozen=True)
class Port:
    """A model's one input or output.

    Attributes:
        shape: with the batch first.
        dtype: of the tensor itself.
        scale, zero_point: real = (integer - zero_point) * scale; scale is 0 for float tensors.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float = 0.0
    zero_point: int = 0


@dataclass(frozen=True)
class SessionOptions:
    """How an engine is to run a model.

    Attributes:
        threads: intra-operator threads on the processor.
        precision: what the model was made for.
        accelerator: where to compute; None for the processor.
        batch: images in one inference.
    """

    threads: int = 1
    precision: Precision = "float32"
    accelerator: Accelerator | None = None
    batch: int = 1


@dataclass(frozen=True)
class Stages:
    """One inference in three steps that can be timed apart; each returns when it is done.

    Attributes:
        copy_in: the input tensor from the program's memory to the accelerator's.
        compute: there.
        copy_out: the result back.
    """

    copy_in: Callable[[Tensor], None]
    compute: Callable[[], None]
    copy_out: Callable[[], Tensor]


class Network(Protocol):
    """What an engine's module must bring: a model of image tensors in and one tensor of classes out.

    Attributes:
        card: what the engine tells of the accelerator: name, driver, memory_bytes; None where it tells nothing.
        stages: `run` in its parts, or why this engine cannot tell them apart.
    """

    engine: EngineInfo
    input: Port
    output: Port
    card: dict[str, Any] | None
    stages: Stages | str

    def run(self, tensor: Tensor) -> Tensor:
        """One inference; the result may be the engine's own buffer, overwritten by the next."""
        ...

    def operators(self) -> Sequence[Operator]:
        """What the engine really runs, after its own rewriting of the graph."""
        ...

    def placement(self) -> dict[str, int | None]:
        """Number of operators by where the engine says that it ran them; None where it tells the place alone.

        Raises:
            AcceleratorError: some ran elsewhere than was asked for.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...


class Session:
    """A model ready to classify. Not for use by several threads at once.

    Attributes:
        engine: which engine, and its version.
        threads: that the engine may compute with.
        accelerator: on which the whole model runs; None for the processor.
        batch: images in one inference.
        card, stages: as `Network` tells.
        pixels: how image bytes become the model's input.
    """

    def __init__(
        self, network: Network, path: Path, pixels: PixelMapping, classes: int | None, setup: SessionOptions
    ) -> None:
        self.engine = network.engine
        self.card, self.stages = network.card, network.stages
        self.threads, self.accelerator, self.batch = setup.threads, setup.accelerator, setup.batch
        self.pixels = pixels
        self._network: Network | None = network
        self._path = path
        _check_ports(path, network, pixels, classes, setup.batch)
        port = network.input
        if np.issubdtype(port.dtype, np.integer):
            self._table: npt.NDArray[Any] = pixels.quantized_table(port.scale, port.zero_point, port.dtype)
        else:
            self._table = pixels.table().astype(port.dtype)

    def prepare(self, image: ByteImage) -> Tensor:
        """Image bytes (size, size, 3) RGB to the model's input tensor (1, size, size, 3), of the model's own type."""
        size = self.pixels.size
        if image.dtype != np.uint8 or image.shape != (size, size, 3):
            raise ValueError(f"a ({size}, {size}, 3) uint8 image is needed, not {image.shape} {image.dtype}")
        return self.pixels.apply(image, self._table)[None]

    def stack(self, images: ByteImage) -> Tensor:
        """Images (1 to batch, size, size, 3) to one input tensor (batch, size, size, 3), filled up with the last."""
        tensors = [self.prepare(image) for image in images]
        missing = self.batch - len(tensors)
        return tensors[0] if self.batch == 1 else np.concatenate(tensors + tensors[-1:] * missing)

    def infer(self, tensor: Tensor) -> Tensor:
        """Tensor in, tensor out, nothing else: what a model's latency is measured over.

        The result may be the engine's own buffer: copy it before the next call.

        Raises:
            EngineError: the engine failed, or the session is closed.
        """
        return self._open.run(tensor)

    def probabilities(self, raw: Tensor) -> Probabilities:
        """`infer`'s result as float32 class probabilities (batch, classes), in [0, 1].

        Integers are scaled back; a lone sigmoid output p becomes [1 - p, p].

        Raises:
            EngineError: the output holds NaN or infinity, or is no probability.
        """
        port = self._open.output
        values = raw.reshape(self.batch, -1).astype(np.float32)
        if port.scale:
            values = (values - port.zero_point) * np.float32(port.scale)
        if not np.isfinite(values).all():
            raise EngineError(f"{self._path}: gave NaN or infinity; the artifact is broken, export it again")
        if values.min() < -_TOLERANCE or values.max() > 1 + _TOLERANCE:
            raise EngineError(
                f"{self._path}: gave {values.min():.3g} to {values.max():.3g}, which are no probabilities; "
                "the model must end in a sigmoid or a softmax"
            )
        values = np.clip(values, 0, 1)
        return np.concatenate([1 - values, values], axis=1) if values.shape[1] == 1 else values

    def predict(self, images: ByteImage) -> Probabilities:
        """Class probabilities (n, classes), float32, of RGB byte images (n, size, size, 3).

        Raises:
            EngineError: the engine failed or gave no probabilities.
        """
        starts = range(0, len(images), self.batch)
        rows = [self.probabilities(self.infer(self.stack(images[at : at + self.batch]))) for at in starts]
        classes = max(2, self._open.output.shape[-1])
        return np.concatenate(rows)[: len(images)] if rows else np.empty((0, classes), np.float32)

    def executed_precision(self) -> ExecutedPrecision:
        """What the engine really ran, from its own account; see `edgeall.runtimes.precision`."""
        return precision.count(self._open.operators())

    def placement(self) -> dict[str, int | None]:
        """Number of operators by where they ran, as the engine tells; see `Network.placement`."""
        return self._open.placement()

    def close(self) -> None:
        """Free the model; may be called again."""
        if self._network is not None:
            self._network.close()
            self._network = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _open(self) -> Network:
        if self._network is None:
            raise EngineError(f"{self._path}: its session is closed")
        return self._network


def _check_ports(path: Path, network: Network, pixels: PixelMapping, classes: int | None, batch: int) -> None:
    expected = (batch, pixels.size, pixels.size, 3)
    if network.input.shape != expected:
        raise EngineError(
            f"{path}: takes input of shape {network.input.shape}, not {expected} as its pixels are described"
        )
    given = network.output.shape
    outputs = given[-1] if len(given) == 2 and given[0] == batch else 0
    if outputs < 1 or (classes is not None and max(2, outputs) != classes):
        wanted = f"({batch}, classes)" if classes is None else f"{classes} classes"
        raise EngineError(f"{path}: gives output of shape {network.output.shape}, not {wanted}")
    for port in (network.input, network.output):
        if np.issubdtype(port.dtype, np.integer) and not port.scale:
            raise EngineError(f"{path}: has an integer {port.dtype} tensor without a quantization scale")


def essence(error: BaseException) -> str:
    """The telling part of an engine's error, on one line: engines print stacks and source positions."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Exception from", "Check '", "at "))]
    text = (telling or lines or [type(error).__name__])[-1 if len(telling) == 1 else 0]
    return text if len(text) <= 200 else text[:197] + "..."


def is_absent(error: BaseException, module: str) -> bool:
    """Whether importing `module` failed because its package is not installed, and not because of something it needs."""
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    return missing != "" and f"{module}.".startswith(f"{missing}.")


def none_installed(engine: Engine) -> str:
    """That an engine which edgeall itself requires is absent, and the way out."""
    return f"no {engine.label} interpreter is installed here; install one with: pip install {engine.distribution}"
