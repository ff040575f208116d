"""Exact rewrites of an ONNX graph into operators that have integer kernels. Runs inside a worker process.

None changes what the graph computes. ONNX Runtime runs the new operators in INT8.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_SPATIAL = {(1, 2): "last", (2, 3): "first"}


def rewrite(path: Path, names: Mapping[str, str] | None = None) -> None:
    """Rewrite the ONNX file at `path` in place, and check it.

    - A mean over height and width becomes GlobalAveragePool.
    - Zero padding is folded into the convolution that follows, or into a max pool of values that a Relu or Clip keeps
      from being negative. Before a max pool of other values it is folded into a depthwise convolution with ones, which
      8 bits represent exactly: ONNX Runtime pads in float only.
    - A 1 x 1 convolution with padding and strides becomes a 2 x 2 convolution with zeros below and to the right:
      OpenVINO (2026.4) moves such strides before the padding, which changes the output.
    - Tensors are renamed by `names`, and constants are named and stored in the order of their first use. The
      converter's numbering differs from run to run, and the same model should give the same bytes.
    """
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    graph = _Graph(model.graph)
    for node in list(model.graph.node):
        if node.op_type == "ReduceMean":
            graph.mean_to_pool(node)
        elif node.op_type in ("Conv", "MaxPool"):
            graph.fold_padding(node)
            graph.widen_point(node)
    graph.remove_unused_constants()
    graph.order_constants()
    graph.rename(names or {})
    onnx.checker.check_model(model)
    onnx.save(model, path)


class _Graph:
    def __init__(self, graph: Any) -> None:
        import onnx

        self._graph, self._onnx = graph, onnx
        self._constants = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
        self._makers = {name: node for node in graph.node for name in node.output}
        self._shapes = {
            each.name: [size.dim_value for size in each.type.tensor_type.shape.dim]
            for each in (*graph.value_info, *graph.input)
        }

    def mean_to_pool(self, node: Any) -> None:
        axes = self._constants.get(node.input[1]) if len(node.input) > 1 else None
        layout = None if axes is None else _SPATIAL.get(tuple(axes.tolist()))
        if layout is None or _attribute(node, "keepdims", 1) != 0:
            return
        make = self._onnx.helper.make_node
        source, out = node.input[0], node.output[0]
        before = self._makers.get(source)
        nodes = []
        if layout == "last":
            if before is not None and before.op_type == "Transpose" and _perm(before) == [0, 2, 3, 1]:
                source = before.input[0]
            else:
                nodes.append(make("Transpose", [source], [f"{out}/first"], perm=[0, 3, 1, 2]))
                source = f"{out}/first"
        nodes.append(make("GlobalAveragePool", [source], [f"{out}/pooled"], name=f"{node.name}/pool"))
        nodes.append(make("Flatten", [f"{out}/pooled"], [out], axis=1))
        at = list(self._graph.node).index(node)
        self._graph.node.remove(node)
        for offset, each in enumerate(nodes):
            self._graph.node.insert(at + offset, each)
        self._remove_unused(before)

    def fold_padding(self, node: Any) -> None:
        pad = self._makers.get(node.input[0])
        if pad is None or pad.op_type != "Pad" or _attribute(node, "auto_pad", b"NOTSET") != b"NOTSET":
            return
        added = self._zeros_around(pad)
        if added is None:
            return
        if node.op_type == "MaxPool" and not self._pool_may_pad(node, pad, max(added)):
            self._pad_by_convolution(pad, added)
            return
        pads = _attribute(node, "pads", [0, 0, 0, 0])
        for attribute in [each for each in node.attribute if each.name == "pads"]:
            node.attribute.remove(attribute)
        total = [have + more for have, more in zip(pads, added, strict=True)]
        node.attribute.append(self._onnx.helper.make_attribute("pads", total))
        node.input[0] = pad.input[0]
        self._remove_unused(pad)

    def widen_point(self, node: Any) -> None:
        kernel = self._constants.get(node.input[1]) if node.op_type == "Conv" else None
        pads, strides = _attribute(node, "pads", [0]), _attribute(node, "strides", [1])
        if kernel is None or kernel.shape[2:] != (1, 1) or not any(pads) or max(strides) == 1:
            return
        wide = np.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 1)))
        node.input[1] = f"{node.output[0]}/wide"
        self._graph.initializer.append(self._onnx.numpy_helper.from_array(wide, node.input[1]))
        top, left, bottom, right = pads
        changed = {"kernel_shape": [2, 2], "pads": [top, left, bottom + 1, right + 1]}
        for attribute in [each for each in node.attribute if each.name in changed]:
            node.attribute.remove(attribute)
        node.attribute.extend(self._onnx.helper.make_attribute(*each) for each in changed.items())

    def _zeros_around(self, pad: Any) -> list[int] | None:
        """Zeros (top, left, bottom, right) that a Pad adds to images; None for any other padding."""
        inputs = [*pad.input, "", ""]
        amounts, value = self._constants.get(inputs[1]), self._constants.get(inputs[2])
        constant = _attribute(pad, "mode", b"constant") == b"constant" and not inputs[3]
        zero = not inputs[2] or (value is not None and not np.any(value))
        if amounts is None or amounts.size != 8 or not (constant and zero):
            return None
        if amounts.min() < 0 or any(amounts[[0, 1, 4, 5]]):
            return None
        return [int(amounts[index]) for index in (2, 3, 6, 7)]

    def _pad_by_convolution(self, pad: Any, added: list[int]) -> None:
        channels = self._shapes.get(pad.input[0], [0, 0])[1]
        if not channels:
            return
        ones = self._onnx.numpy_helper.from_array(
            np.ones((channels, 1, 1, 1), np.float32), f"{pad.output[0]}/ones"
        )
        self._graph.initializer.append(ones)
        convolution = self._onnx.helper.make_node(
            "Conv",
            [pad.input[0], ones.name],
            list(pad.output),
            name=f"{pad.name}/conv",
            group=channels,
            kernel_shape=[1, 1],
            pads=added,
        )
        at = list(self._graph.node).index(pad)
        self._graph.node.remove(pad)
        self._graph.node.insert(at, convolution)

    def _pool_may_pad(self, pool: Any, pad: Any, widest: int) -> bool:
        """Whether zero padding can be folded into a max pool, whose own padding never is the maximum.

        That requires non-negative values, no padding yet, and no window that holds padding alone.
        """
        maker = self._makers.get(pad.input[0])
        lowest = (
            self._constants.get(maker.input[1]) if maker is not None and maker.op_type == "Clip" else None
        )
        bounded = maker is not None and (
            maker.op_type == "Relu" or (lowest is not None and bool(np.all(lowest >= 0)))
        )
        padded_already = any(_attribute(pool, "pads", [0]))
        return bounded and not padded_already and widest < min(_attribute(pool, "kernel_shape", [0]))

    def rename(self, names: Mapping[str, str]) -> None:
        for node in self._graph.node:
            for tensors in (node.input, node.output):
                tensors[:] = [names.get(tensor, tensor) for tensor in tensors]
        for port in (*self._graph.input, *self._graph.output):
            port.name = names.get(port.name, port.name)

    def remove_unused_constants(self) -> None:
        used = {name for node in self._graph.node for name in node.input}
        for constant in [each for each in self._graph.initializer if each.name not in used]:
            self._graph.initializer.remove(constant)

    def order_constants(self) -> None:
        by_name = {each.name: each for each in self._graph.initializer}
        used = dict.fromkeys(name for node in self._graph.node for name in node.input if name in by_name)
        ordered = []
        for number, name in enumerate(used):
            constant = self._onnx.TensorProto()
            constant.CopyFrom(by_name[name])
            constant.name = f"constant_{number}"
            ordered.append(constant)
        self.rename({name: each.name for name, each in zip(used, ordered, strict=True)})
        del self._graph.initializer[:]
        self._graph.initializer.extend(ordered)
        known = {name for node in self._graph.node for name in node.output}
        for about in [each for each in self._graph.value_info if each.name not in known]:
            self._graph.value_info.remove(about)

    def _remove_unused(self, node: Any) -> None:
        outputs = {each.name for each in self._graph.output}
        used = {name for each in self._graph.node for name in each.input} | outputs
        if node is not None and node in self._graph.node and not used.intersection(node.output):
            self._graph.node.remove(node)


def _attribute(node: Any, name: str, default: Any) -> Any:
    import onnx

    found = [each for each in node.attribute if each.name == name]
    return onnx.helper.get_attribute_value(found[0]) if found else default


def _perm(node: Any) -> list[int]:
    return list(_attribute(node, "perm", []))
