"""A Keras model as a TensorFlow graph of constants, and rewrites of it into operators that a converter knows.

Runs inside a worker process.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

INPUT, OUTPUT = "image", "probabilities"
"""Names of the tensors in the graph, and in every format that keeps names."""

Floats = npt.NDArray[np.float32]
Rule = Callable[[Any, Sequence[Any]], Any]
"""From (operation of the graph, its inputs) to its output from other operators; None to keep the operation."""

_RESIZE_TOLERANCE = 1e-5
"""Largest difference between a resize and its two matrices on images in [0, 1]: a few roundings of float32."""


def freeze(model: Any, size: int, path: Path) -> None:
    """Write the model, traced for one image, to `path`: a GraphDef of constants from `INPUT` to `OUTPUT`.

    Saving and restoring the thousand variables of DenseNet201 takes longer than the conversions. The batch size is 1: a
    free one leaves shape arithmetic in every converted graph.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    image = tf.TensorSpec((1, size, size, 3), tf.float32, name=INPUT)
    function = tf.function(
        lambda image: model(image, training=False), input_signature=[image], autograph=False
    )
    frozen = convert_variables_to_constants_v2(function.get_concrete_function())
    path.write_bytes(_named(frozen).SerializeToString())


def read(path: Path, rules: Mapping[str, Rule]) -> Any:
    """The graph that `freeze` wrote, as a function of the image, with `rules` (by operator) applied.

    Called functions are inlined: tf2onnx does not support the calls that Keras makes for grouped convolutions.
    """
    import tensorflow as tf

    source = tf.Graph()
    with source.as_default():
        definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
        tf.graph_util.import_graph_def(definition, name="")

    def compute(image: Any) -> Any:
        return _copy(source, [image], rules)[f"{OUTPUT}:0"]

    (given,) = (each for each in source.get_operations() if each.type == "Placeholder")
    spec = tf.TensorSpec(given.outputs[0].shape, tf.float32, name=INPUT)
    return tf.function(compute, input_signature=[spec], autograph=False).get_concrete_function()


def place_of(operation: str) -> str:
    """The Keras layer of an operation, from its name: "model_1/conv_1/Conv2D" is of "layer 'conv'".

    A function of `keras.ops` has no layer: "model_1/Asinh" is "operation 'Asinh'".
    """
    parts = operation.split("/")
    if len(parts) < 3:
        return f"operation '{parts[-1]}'"
    return f"layer '{re.sub(r'(?<=.)_[0-9]+$', '', parts[1])}'"


def _named(frozen: Any) -> Any:
    """The GraphDef of a frozen function, with its output named `OUTPUT`."""
    definition = frozen.graph.as_graph_def()
    (result,) = frozen.outputs
    end = definition.node.add()
    end.name, end.op = OUTPUT, "Identity"
    end.input.append(result.name)
    end.attr["T"].type = result.dtype.as_datatype_enum
    return definition


def _copy(source: Any, given: Sequence[Any], rules: Mapping[str, Rule]) -> dict[str, Any]:
    """Copy each operation of `source` into the current graph; returns all tensors by their names in `source`.

    `given`: values of its placeholders.
    """
    rest = list(given)
    tensors: dict[str, Any] = {}
    for operation in source.get_operations():
        inputs = [tensors[each.name] for each in operation.inputs]
        if operation.type == "Placeholder":
            outputs = [rest.pop(0)]
        elif operation.type in ("PartitionedCall", "StatefulPartitionedCall"):
            outputs = _called(source, operation, inputs, rules)
        else:
            outputs = _by_rule(operation, inputs, rules) or _same(operation, inputs)
        tensors |= {each.name: made for each, made in zip(operation.outputs, outputs, strict=True)}
    return tensors


def _same(operation: Any, inputs: Sequence[Any]) -> list[Any]:
    import tensorflow as tf

    made = tf.compat.v1.get_default_graph().create_op(
        operation.type,
        inputs,
        [each.dtype for each in operation.outputs],
        name=operation.name,
        attrs=dict(operation.node_def.attr),
    )
    return list(made.outputs)


def _by_rule(operation: Any, inputs: Sequence[Any], rules: Mapping[str, Rule]) -> list[Any] | None:
    import tensorflow as tf

    if operation.type not in rules:
        return None
    with tf.name_scope(f"{operation.name}/"):
        made = rules[operation.type](operation, inputs)
    return None if made is None else [made]


def _called(source: Any, operation: Any, inputs: Sequence[Any], rules: Mapping[str, Rule]) -> list[Any]:
    import tensorflow as tf
    from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

    name = operation.get_attr("f").name
    definition = next(each for each in source.as_graph_def().library.function if each.signature.name == name)
    body = function_def_to_graph(definition)
    with tf.name_scope(f"{operation.name}/"):
        tensors = _copy(body, inputs, rules)
    return [tensors[each.name] for each in body.outputs]


def _exp_less_one(operation: Any, inputs: Sequence[Any]) -> Any:
    import tensorflow as tf

    return tf.exp(inputs[0]) - 1.0


def _one_less_erf(operation: Any, inputs: Sequence[Any]) -> Any:
    import tensorflow as tf

    return 1.0 - tf.math.erf(inputs[0])


def _below_zero(operation: Any, inputs: Sequence[Any]) -> Any:
    """min(x, 0) of an x with other readers."""
    import tensorflow as tf

    value, bound = inputs
    if len(operation.inputs[0].consumers()) == 1 or np.any(tf.get_static_value(bound) != 0):
        return None
    return value - tf.nn.relu(value)


def _resize(operation: Any, inputs: Sequence[Any]) -> Any:
    """A resize to a fixed size as two products with constant matrices, because it is linear in each axis.

    The rows of the matrices are resized lines of ones.
    """
    import tensorflow as tf

    height, width = (int(size) for size in inputs[0].shape[1:3])
    options = _options(operation)
    if options is None:
        return None

    def resize(images: Floats) -> Floats:
        with tf.init_scope():
            call = getattr(tf.raw_ops, operation.type)
            resized: Floats = call(images=tf.constant(images[..., None]), **options).numpy()[..., 0]
            return resized

    def line(row: int | slice, column: int | slice) -> Floats:
        image = np.zeros((1, height, width), np.float32)
        image[:, row, column] = 1
        found: Floats = resize(image)[0]
        return found

    everywhere = slice(None)
    tall = np.stack([line(row, everywhere)[:, 0] for row in range(height)])
    wide = np.stack([line(everywhere, column)[0] for column in range(width)])
    sample = np.random.default_rng(0).random((1, height, width), np.float32)
    if np.abs(tall.T @ sample @ wide - resize(sample)).max() > _RESIZE_TOLERANCE:
        return None
    lines = tf.matmul(tf.transpose(inputs[0], [0, 3, 1, 2]), tf.constant(wide))
    turned = tf.matmul(tf.transpose(lines, [0, 1, 3, 2]), tf.constant(tall))
    return tf.transpose(turned, [0, 3, 2, 1])


def _options(operation: Any) -> dict[str, Any] | None:
    """Arguments of a resize beside the images; None where they depend on the image."""
    import tensorflow as tf

    places = [each.name for each in operation.op_def.input_arg][1:]
    with tf.compat.v1.Session(graph=operation.graph) as session:
        try:
            values = session.run(list(operation.inputs[1:]))
        except tf.errors.InvalidArgumentError:
            return None
    attributes = {each.name for each in operation.op_def.attr} - {"T"}
    return dict(zip(places, values, strict=True)) | {name: operation.get_attr(name) for name in attributes}


RESIZES: dict[str, Rule] = dict.fromkeys(("ResizeArea", "ResizeBicubic", "ScaleAndTranslate"), _resize)
"""TFLite has none of these. ONNX has no ScaleAndTranslate, tf2onnx converts ResizeArea wrongly, and OpenVINO computes
ResizeBicubic differently."""

FOR_TFLITE = RESIZES | {"Minimum": _below_zero}
"""TFLite's quantizer gives the input of a minimum the range of its output, which clips all positive values for other
readers, as in celu."""
FOR_ONNX = RESIZES | {"Expm1": _exp_less_one, "Erfc": _one_less_erf}
