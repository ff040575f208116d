"""Weights of one layer at a time, from the two file structures that Keras uses."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.errors import ModelError
from edgeall.importing.container import BFLOAT16, CONTAINERS, DAMAGED, Stored
from edgeall.importing.graph import Layer

Arrays = list[npt.NDArray[Any]]


class StoredWeights:
    """Reads from an open model file."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._file = str(stored.path)

    @property
    def keras_3(self) -> bool:
        """Whether Keras 3 or later wrote the file, according to the file."""
        major = self._stored.written_by.partition(".")[0]
        return re.fullmatch("[0-9]{1,4}", major) is not None and int(major) >= 3

    def of(self, layer: Layer, variables: Sequence[str] = ()) -> Arrays:
        """A layer's weights in the order of Keras' variables.

        Args:
            variables: names of the variables in that order.

        Raises:
            ModelError: the weights are missing, damaged, of other variables, or not finite.
        """
        try:
            arrays = self._by_class(layer) if self._stored.by_class else self._by_name(layer, variables)
        except DAMAGED as error:
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ModelError(
                f"{self._file}: its weights of layer '{layer.name}' are damaged, or not as Keras writes them "
                f"({reason[:160]})"
            ) from None
        if variables and len(arrays) != len(variables):
            raise ModelError(
                f"{self._file}: has {len(arrays)} weights of layer '{layer.name}', which needs {len(variables)} "
                f"({', '.join(variables)})"
            )
        for array in arrays:
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ModelError(f"{self._file}: weights of layer '{layer.name}' are not finite numbers")
        return arrays

    def _by_class(self, layer: Layer) -> Arrays:
        for container in CONTAINERS:
            place = "/".join(f"{container}/{word}" for word in layer.store) + "/vars"
            if place in self._stored.weights:
                group = self._stored.weights[place]
                return [_numbers(group[key]) for key in sorted(group, key=int)]
        raise self._missing(layer)

    def _by_name(self, layer: Layer, variables: Sequence[str]) -> Arrays:
        """Weights in an `.h5` file, which has one group for each top-level layer.

        A nested model's weights are all in its group, under their full names.
        """
        root = self._stored.weights.get("model_weights", self._stored.weights)
        if layer.path[0] not in root:
            raise self._missing(layer)
        group = root[layer.path[0]]
        names = _names(group)
        if len(layer.path) > 1:
            names = _of_layer(names, layer.path[-1])
        found = [_variable(name, layer.kind) for name in names]
        if variables and sorted(found) != sorted(variables):
            raise ModelError(
                f"{self._file}: layer '{layer.name}' has the weights {', '.join(found) or 'none'}, where it needs "
                f"{', '.join(variables)}"
            )
        order = [found.index(variable) for variable in variables] or range(len(names))
        return [_numbers(group[names[index]]) for index in order]

    def _missing(self, layer: Layer) -> ModelError:
        return ModelError(f"{self._file}: has no weights of layer '{layer.name}'; save the whole model again")


def _numbers(dataset: Any) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.asarray(dataset[()])
    if array.dtype == BFLOAT16:
        return (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return array


def _names(group: Any) -> list[str]:
    """Names of a group's weights. A list too long for one HDF5 attribute continues in numbered ones."""
    if "weight_names" in group.attrs:
        names = list(group.attrs["weight_names"])
    else:
        names, number = [], 0
        while f"weight_names{number}" in group.attrs:
            names += list(group.attrs[f"weight_names{number}"])
            number += 1
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _of_layer(names: list[str], layer: str) -> list[str]:
    """Names of the weights of one layer of a nested model.

    A layer's name can be a path, and can end like another's. TensorFlow 1 numbered names that its session already had.
    """
    scopes = {name: name.rpartition("/")[0] for name in names}
    numbered = re.compile(re.escape(layer) + r"_\d+")
    matches: tuple[Callable[[str], bool], ...] = (
        lambda scope: scope == layer,
        lambda scope: scope.endswith(f"/{layer}"),
        lambda scope: numbered.fullmatch(scope) is not None,
    )
    found = ([name for name, scope in scopes.items() if match(scope)] for match in matches)
    return next(filter(None, found), [])


def _variable(name: str, kind: str) -> str:
    """Keras 3's name of the variable that Keras 2 wrote as "block1_conv1/kernel:0"."""
    variable = name.rpartition("/")[2].partition(":")[0]
    return "kernel" if (kind, variable) == ("DepthwiseConv2D", "depthwise_kernel") else variable
