"""What the exporting module of a format has: `exporter("onnx")` is `edgeall.exporting.onnx`.

Such a module imports converters inside its functions, which run in worker processes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgeall.artifact import Metadata, Tensors
from edgeall.engines import ENGINES, load

if TYPE_CHECKING:
    from edgeall.exporting.int8.quantized import QuantizedModel
    from edgeall.exporting.recipes import Recipe
    from edgeall.exporting.source_models import Sources


@dataclass(frozen=True)
class Quantizer:
    """Values that a format's own quantizer accepts, by recipe key; see `recipes.CalibrationSettings` and
    `recipes.Quantization`.

    Attributes:
        reduces_range: whether 7-bit weights may be asked for: the engine adds 8-bit products in 16 bits.
    """

    method: tuple[str, ...]
    activations: tuple[str, ...]
    boundary: tuple[str, ...] = ("float32",)
    granularity: tuple[str, ...] = ("channel", "tensor")
    weights: tuple[str, ...] = ("int8",)
    reduces_range: bool = False


class Exporter(Protocol):
    """The module of a format.

    Attributes:
        NEEDS: forms that it converts from, keys of `source_models.INTERMEDIATES`.
        PACKAGES: distributions that convert; their versions are part of an artifact's provenance.
        QUANTIZER: None where the format has no INT8.
    """

    NEEDS: tuple[str, ...]
    PACKAGES: tuple[str, ...]
    QUANTIZER: Quantizer | None

    def convert(self, sources: "Sources", recipe: "Recipe", calibration: Path | None, out: Path) -> None:
        """Write the bare model of `recipe` to `out`: float32 (1, size, size, 3) in, float32 (1, classes) out.

        Args:
            calibration: an .npy of uint8 images (n, size, size, 3); None where the recipe asks for none.

        Raises:
            ExportError: the format has no operator for one of the model's; names the layer.
        """
        ...

    def write_int8(self, model: "QuantizedModel", out: Path, boundary: str) -> None:
        """Write the shared INT8 model to `out`; not called where `QUANTIZER` is None.

        Args:
            boundary: type of the input and output, one of the quantizer's.
        """
        ...

    def tensors(self, path: Path) -> Tensors:
        """The input and output of the bare model at `path`, read without an engine.

        Raises:
            KeyError, IndexError, AttributeError, ValueError, ElementTree.ParseError: it has none that are known.
        """
        ...

    def describe(self, path: Path, metadata: Metadata) -> None:
        """Fill the description fields that the format's own tools show, in the bare model at `path`.

        They repeat the metadata in the words of `edgeall.artifact.usage`. Same metadata, same bytes.

        Raises:
            ExportError: the model has such fields already, or cannot be given them.
        """
        ...


def exporter(format: str) -> Exporter:
    """The exporting module of a format; imports no converter."""
    module: Exporter = load(ENGINES[format].exporter)
    return module
