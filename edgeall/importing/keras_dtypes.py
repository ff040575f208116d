"""Dtypes in which a file's layers compute. edgeall computes in float32."""

import re
from typing import Any

_FLOATS = frozenset(["float16", "float32", "float64", "bfloat16", "mixed_float16", "mixed_bfloat16"])


def name_of(dtype: Any) -> str:
    """The name in a layer's `dtype` as Keras 2 or 3 writes it: a name, or a policy with a name or a quantization mode.

    >>> name_of({"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "float32"}})
    'int8'
    """
    if isinstance(dtype, dict):
        config = dtype.get("config") or {}
        dtype = config.get("mode") or config.get("name")
    if dtype is None or dtype in ("infer", "_infer"):
        return "float32"
    # Keras 2 writes an argument of a call as "<dtype: 'float16'>".
    found = re.fullmatch(r"<dtype: '(\w+)'>", str(dtype))
    return found[1] if found else str(dtype)


def quantized(config: dict[str, Any]) -> str | None:
    """The mode in which `model.quantize()` quantized a layer; None for a layer that is not quantized."""
    dtype = config.get("dtype")
    if isinstance(dtype, dict) and (dtype.get("config") or {}).get("mode"):
        return name_of(dtype)
    return "quantized" if config.get("quantization_config") else None


def is_float(name: str) -> bool:
    """Whether a layer with this dtype computes in floating-point numbers."""
    return name in _FLOATS
