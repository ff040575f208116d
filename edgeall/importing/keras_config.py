"""Reads the two notations, of Keras 2 and Keras 3, for the inputs of a layer into one."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tensor:
    """A reference by name: output `tensor` of the `node`-th use of the layer `name`."""

    name: str
    node: int
    tensor: int


def entries(config: Any) -> list[dict[str, Any]]:
    # Keras before 2.2.3 wrote a Sequential's layers as a plain list.
    entries = config if isinstance(config, list) else config["layers"]
    if not entries:
        raise ValueError("a model without layers")
    return list(entries)


def name(entry: dict[str, Any]) -> str:
    return str(entry.get("name") or entry["config"]["name"])


def placed(
    entries: Sequence[dict[str, Any]], store: tuple[str, ...]
) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Each layer's entry with the path of its weights in a `.keras` file: classes, numbered within their model."""
    counts: Counter[str] = Counter()
    for entry in entries:
        word = snake(entry["class_name"])
        if not str(entry.get("module")).startswith("keras.src.ops"):
            number = counts[word]
            counts[word] += 1
            word = f"{word}_{number}" if number else word
        yield entry, (*store, word)


def snake(name: str) -> str:
    """A class name as Keras spells it in weights files: DepthwiseConv2D becomes depthwise_conv2d."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def operation(entry: dict[str, Any]) -> str | None:
    """The function that an entry wraps; None for a layer."""
    if entry["class_name"] in ("TFOpLambda", "SlicingOpLambda"):
        return str(entry["config"]["function"])
    if str(entry.get("module")).startswith("keras.src.ops"):
        return str(entry["class_name"])
    return None


def lost_operation(entry: dict[str, Any]) -> bool:
    """Whether an entry is an operation that Keras 3 wrote into an `.h5` file, without the module that identifies it.

    In such files a layer has the option `trainable`, and an operation does not.
    """
    uses = entry.get("inbound_nodes")
    in_keras_3 = isinstance(uses, list) and bool(uses) and of_keras_3(uses[0])
    return in_keras_3 and "module" not in entry and "trainable" not in entry["config"]


def of_keras_3(node: Any) -> bool:
    """Whether one use of a layer is in Keras 3's notation. Keras 2 also writes named inputs as a dict."""
    return isinstance(node, dict) and {"args", "kwargs"} <= node.keys()


def tensors(node: Any) -> Iterator[Tensor]:
    """Tensors from ["name", 0, 0], or a nested list or dict of such."""
    if isinstance(node, dict):
        node = list(node.values())
    if node and isinstance(node[0], str):
        yield Tensor(node[0], int(node[1]), int(node[2]))
    else:
        for inner in node:
            yield from tensors(inner)


def names(node: Any) -> list[str]:
    return [tensor.name for tensor in tensors(node)]


def operands(node: Any) -> tuple[list[Any], dict[str, Any]]:
    """Operands (tensors and constants, in order) and named options of one use of a layer or an operation."""
    if of_keras_3(node):
        operands = [operand for value in node["args"] for operand in _each(value)]
        options = {key: _constant(value) for key, value in node["kwargs"].items()}
    else:
        operands, options = _keras2_operands(node)
    for key in _OPERANDS:
        if key in options:
            operands += _each(options.pop(key))
    return operands, options


_OPERANDS = ("inputs", "x", "y", "x1", "x2", "bias", "slice_spec", "key", "values", "xs")
"""Named arguments that are operands; all others are options."""


def _keras2_operands(node: Any) -> tuple[list[Any], dict[str, Any]]:
    operands: list[Any] = []
    options: dict[str, Any] = {}
    given = list(node.values()) if isinstance(node, dict) else [node] if isinstance(node[0], str) else node
    for name, use, tensor, *rest in given:
        operands.append(tensor if name == "_CONSTANT_VALUE" else Tensor(name, int(use), int(tensor)))
        for named in rest:
            options |= {key: _keras2_value(value) for key, value in named.items()}
    return operands, options


def _keras2_value(value: Any) -> Any:
    refers = isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str)
    return Tensor(value[0], int(value[1]), int(value[2])) if refers else value


def _each(value: Any) -> list[Any]:
    """A list or dict of tensors as its members; any other value as one argument."""
    if isinstance(value, Tensor):
        return [value]
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    if not _is_tensor(value) and any(_is_tensor(one) or isinstance(one, Tensor) for one in inner):
        return [_constant(one) for one in inner]
    return [_constant(value)]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _constant(value: Any) -> Any:
    if _is_tensor(value):
        name, use, tensor = value["config"]["keras_history"]
        return Tensor(name, int(use), int(tensor))
    if isinstance(value, dict) and value.get("class_name") in ("__tensor__", "__numpy__"):
        return value["config"]["value"]
    return value


def activation_name(given: Any) -> str:
    """The name in an activation's configuration; for code, a name that is in no table."""
    if isinstance(given, dict):
        given = given.get("config") if given.get("class_name") == "function" else given.get("class_name")
    return "linear" if given is None else str(given)
