"""What precision an engine really computed in, from its own account of the operators it ran."""

from collections import Counter
from collections.abc import Iterable, Sequence

from edgeall.values import dataclass

_NAMES = {
    "float": "float32",
    "f32": "float32",
    "double": "float64",
    "f64": "float64",
    "f16": "float16",
    "bf16": "bfloat16",
    "bfloat16": "bfloat16",
    "i8": "int8",
    "u8": "int8",
    "uint8": "int8",
    "i16": "int16",
    "u16": "int16",
    "uint16": "int16",
    "i32": "int32",
    "i64": "int64",
}

_CONVERSIONS = {
    "quantize",
    "dequantize",
    "quantizelinear",
    "dequantizelinear",
    "dynamicquantizelinear",
    "fakequantize",
    "cast",
    "convert",
}

_HEAVY = ("conv", "fullyconnected", "fully_connected", "matmul", "gemm")


@dataclass(frozen=True)
class Operator:
    """One operator that an engine ran.

    Attributes:
        kind: the engine's own name of it ("CONV_2D", "QLinearConv", "Convolution").
        precision: what it computed in: "float32", "float16", "bfloat16", "int8" (signed or not), or "hybrid" for
            int8 weights under float activations.
        converts: it only changes one type into another (quantize, dequantize, cast).
    """

    kind: str
    precision: str
    converts: bool = False


@dataclass(frozen=True)
class ExecutedPrecision:
    """An engine's operators, counted by the precision they ran in.

    Attributes:
        dominant: precision of most convolutions and matrix products, which carry nearly all arithmetic; of most
            operators where there is none of those.
        operators: number of operators by precision, conversions between types left out.
        breakdown: number of operators by kind, then by precision; "conversion" stands for quantize, dequantize, cast.
    """

    dominant: str
    operators: dict[str, int]
    breakdown: dict[str, dict[str, int]]

    @property
    def float_operators(self) -> dict[str, int]:
        """Operators that computed in floating point, by kind: in an int8 artifact, what was left behind.

        Conversions do not count; those at the model's boundary are needed, and those inside surround an operator
        that does count.
        """
        found = {
            kind: sum(n for precision, n in counts.items() if is_float(precision))
            for kind, counts in self.breakdown.items()
        }
        return {kind: n for kind, n in found.items() if n}

    @property
    def conversions(self) -> int:
        """Number of quantize, dequantize and cast operators."""
        return sum(counts.get("conversion", 0) for counts in self.breakdown.values())


def count(operators: Iterable[Operator]) -> ExecutedPrecision:
    """Add up what an engine ran."""
    listed = list(operators)
    computing = [operator for operator in listed if not operator.converts]
    heavy = [op for op in computing if any(name in op.kind.lower() for name in _HEAVY)]
    votes = Counter(op.precision for op in heavy or computing)
    breakdown: dict[str, dict[str, int]] = {}
    for op in listed:
        counts = breakdown.setdefault(op.kind, {})
        key = "conversion" if op.converts else op.precision
        counts[key] = counts.get(key, 0) + 1
    return ExecutedPrecision(
        dominant=votes.most_common(1)[0][0] if votes else "unknown",
        operators=dict(Counter(op.precision for op in computing).most_common()),
        breakdown=breakdown,
    )


def normalized(name: str) -> str:
    """An engine's name of a type as edgeall's: unsigned bytes count as int8."""
    return _NAMES.get(name.lower(), name.lower())


def is_float(precision: str) -> bool:
    return "float" in precision or precision == "hybrid"


def is_conversion(kind: str) -> bool:
    """Whether an operator of this kind only changes a type into another."""
    return kind.lower() in _CONVERSIONS


def of_types(inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """The precision of an operator from its tensors' types, activations first, in an engine's names."""
    given = [normalized(name) for name in inputs]
    made = [normalized(name) for name in outputs]
    first = given[0] if given else made[0] if made else "unknown"
    if is_float(first) and made and is_float(made[0]) and "int8" in given[1:]:
        return "hybrid"
    return first
