"""A model's description, of Keras 2 or 3, as one flat list of steps with nested models inlined.

Every layer is looked up in `allowed_layers`. Keras is not imported, and nothing of the description is run.
"""

from dataclasses import dataclass
from typing import Any

from edgeall.errors import ModelError
from edgeall.importing import allowed_layers, call_arguments, keras_config, keras_dtypes

_MAX_STEPS = 10_000
_MAX_LOOKS = 10 * _MAX_STEPS
"""Layers and nested models looked at. A few kilobytes of nested models can mean any number of layers."""
IMAGE = -1
"""Step number that stands for the input image."""


@dataclass(frozen=True)
class Layer:
    """A layer as the file describes it.

    Attributes:
        kind: its class, or "op:" and a name in `allowed_layers.OPERATIONS`.
        path: names of the models around it, outermost first, then its own.
        store: the same path by classes, under which `.keras` files its weights.
        options: its configuration.
    """

    kind: str
    path: tuple[str, ...]
    store: tuple[str, ...]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        return "/".join(self.path)


@dataclass(frozen=True)
class OutputRef:
    """The output of an earlier step."""

    step: int


@dataclass(frozen=True)
class GraphStep:
    """One use of a layer. Operands are `OutputRef`s and, for operations, constants; `options` are those of this use."""

    layer: Layer
    operands: tuple[Any, ...]
    options: dict[str, Any]

    @property
    def axis(self) -> Any:
        """Its option "axis", -1 where there is none."""
        axis = (self.layer.options | self.options).get("axis")
        return -1 if axis is None else axis


@dataclass(frozen=True)
class LayerGraph:
    """Steps in topological order.

    Attributes:
        input_shape: height, width (None: any) and channels.
        output: number of the step whose output is the model's.
        input_dtype: dtype of the input image.
    """

    input_shape: tuple[int | None, int | None, int]
    steps: tuple[GraphStep, ...]
    output: int
    input_dtype: str = "float32"

    @property
    def precisions(self) -> tuple[str, ...]:
        """Dtypes other than float32 in which Keras computes some of the layers, sorted."""
        casts = [step.options.get("dtype") for step in self.steps if step.layer.kind == "op:cast"]
        used = [*casts, *(step.layer.options.get("dtype") for step in self.steps)]
        return tuple(sorted(set(map(keras_dtypes.name_of, used)) - {"float32"}))

    def step_of(self, ref: OutputRef) -> GraphStep | None:
        """The step that `ref` points to; None for the image itself."""
        return None if ref.step == IMAGE else self.steps[ref.step]


def read_graph(config: dict[str, Any], file: str) -> LayerGraph:
    """The graph of a model's configuration: {"class_name", "config"}, as `.keras` and `.h5` files hold it.

    Raises:
        ModelError: code instead of a plain layer, a layer that is not Keras' own, not exactly one input and one
            output, or a description that is not a graph. Messages begin with `file`.
    """
    try:
        reader = _Reader(file)
        output = reader.model(config, (), (), OutputRef(IMAGE), training=False)
        shape, dtype = reader.input(config)
        return LayerGraph(shape, tuple(reader.steps), output.step, dtype)
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0][:160]
        raise ModelError(f"{file}: its description is not as Keras writes it ({reason})") from None


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self.steps: list[GraphStep] = []
        self._looks = 0

    def _look(self) -> None:
        self._looks += 1
        if self._looks > _MAX_LOOKS:
            raise self.refuse(
                f"its layers are nested or connected so that reading them takes more than {_MAX_LOOKS} steps; "
                "build the model with each layer once, in the order of their use"
            )

    def refuse(self, text: str) -> ModelError:
        return ModelError(f"{self._file}: {text}")

    def input(self, model: dict[str, Any]) -> tuple[tuple[int | None, int | None, int], str]:
        """Shape and dtype of the image."""
        config = model["config"]
        entries = keras_config.entries(config)
        shape: Any = None
        if model["class_name"] != "Sequential":
            names = keras_config.names(config["input_layers"])
            if len(names) != 1:
                raise self.refuse(f"takes {len(names)} inputs; edgeall imports models with one")
            entries = [entry for entry in entries if keras_config.name(entry) == names[0]]
        first = entries[0]
        if first["class_name"] in allowed_layers.MODELS:
            return self.input(first)
        for key in ("batch_shape", "batch_input_shape"):
            shape = first["config"].get(key) or shape
        if shape is None and isinstance(config, dict):
            shape = config.get("build_input_shape")
        if shape is None:
            raise self.refuse("does not state its input shape; build the model on an input before saving it")
        if len(shape) != 4 or shape[3] != 3:
            hint = "; its channels come first" if len(shape) == 4 and shape[1] == 3 else ""
            raise self.refuse(f"takes input of shape {tuple(shape)}, not (None, height, width, 3){hint}")
        height, width = (None if side is None else int(side) for side in shape[1:3])
        dtype = first["config"].get("dtype") if first["class_name"] == "InputLayer" else None
        return (height, width, 3), keras_dtypes.name_of(dtype)

    def model(
        self,
        model: dict[str, Any],
        path: tuple[str, ...],
        store: tuple[str, ...],
        image: OutputRef,
        training: bool,
    ) -> OutputRef:
        """Append the steps of a model that is applied to `image`; returns its output.

        Args:
            training: whether it is called as in training.
        """
        self._look()
        self._check_origin(model, path)
        if model["class_name"] not in allowed_layers.MODELS:
            raise self.refuse(
                f"is a model of the class {model['class_name']}, whose code is not in the file; rebuild it as a "
                "functional or Sequential model and save it again"
            )
        if model["class_name"] == "Sequential":
            value = image
            for entry, place in keras_config.placed(keras_config.entries(model["config"]), store):
                self._look()
                if entry["class_name"] != "InputLayer":
                    value = self._apply(entry, path, place, [value], {}, training)
            return value
        return self._functional(model["config"], path, store, image, training)

    def _functional(
        self,
        config: dict[str, Any],
        path: tuple[str, ...],
        store: tuple[str, ...],
        image: OutputRef,
        training: bool,
    ) -> OutputRef:
        inputs, outputs = (
            keras_config.names(config["input_layers"]),
            keras_config.names(config["output_layers"]),
        )
        if len(inputs) != 1 or len(outputs) != 1:
            raise self.refuse(
                f"{'/'.join(path) or 'it'} has {len(inputs)} inputs and {len(outputs)} outputs; "
                "edgeall imports models with one of each"
            )
        found: dict[str, list[OutputRef | None]] = {inputs[0]: [image]}
        waiting = []
        nested = set()
        for entry, place in keras_config.placed(config["layers"], store):
            self._look()
            name = keras_config.name(entry)
            if entry["class_name"] in allowed_layers.MODELS:
                nested.add(name)
            if name != inputs[0]:
                found[name] = [None] * len(entry["inbound_nodes"])
                waiting += [(entry, place, use) for use in range(len(entry["inbound_nodes"]))]

        def resolved(operand: Any) -> Any:
            if not isinstance(operand, keras_config.Tensor):
                return operand
            uses = found[operand.name]
            # The first use of a nested model is the one that built it, which the list omits.
            use = 0 if len(uses) == 1 else operand.node - (operand.name in nested)
            return uses[use]

        while waiting:
            later = []
            for entry, place, use in waiting:
                self._look()
                node = entry["inbound_nodes"][use]
                operands, options = keras_config.operands(node)
                if keras_config.of_keras_3(node) and entry["class_name"].startswith("Random"):
                    # Keras 3 writes the default, which predict() overrides.
                    options.pop("training", None)
                values = [resolved(operand) for operand in operands]
                if any(value is None for value in values):
                    later.append((entry, place, use))
                else:
                    found[keras_config.name(entry)][use] = self._apply(
                        entry, path, place, values, options, training
                    )
            if len(later) == len(waiting):
                raise self.refuse(
                    f"its layers do not connect ('{keras_config.name(later[0][0])}' has no input)"
                )
            waiting = later
        tensor = next(keras_config.tensors(config["output_layers"]))
        output = resolved(tensor)
        if not isinstance(output, OutputRef) or tensor.tensor:
            raise self.refuse("has an output that no layer computes")
        return output

    def _apply(
        self,
        entry: dict[str, Any],
        path: tuple[str, ...],
        place: tuple[str, ...],
        operands: list[Any],
        options: dict[str, Any],
        outer: bool,
    ) -> OutputRef:
        inner = (*path, keras_config.name(entry))
        training = call_arguments.trains(outer, options)
        if entry["class_name"] in allowed_layers.MODELS:
            images = [operand for operand in operands if isinstance(operand, OutputRef)]
            self._check_call(inner, entry, operands, options, training)
            if len(images) != 1:
                raise self.refuse(
                    f"'{'/'.join(inner)}' takes {len(images)} inputs; edgeall imports models with one"
                )
            return self.model(entry, inner, place, images[0], training)
        if len(self.steps) >= _MAX_STEPS:
            raise self.refuse(f"has more than {_MAX_STEPS} layers")
        self._check_origin(entry, inner)
        layer = Layer(self._kind(entry, inner), inner, place, dict(entry["config"]))
        self._check_numbers(layer, options)
        if not layer.kind.startswith("op:"):
            self._check_call(inner, entry, operands, options, training)
            operands, options = [operand for operand in operands if isinstance(operand, OutputRef)], {}
        self.steps.append(GraphStep(layer, tuple(operands), options))
        return OutputRef(len(self.steps) - 1)

    def _kind(self, entry: dict[str, Any], path: tuple[str, ...]) -> str:
        name, found = "/".join(path), entry["class_name"]
        if keras_config.lost_operation(entry):
            raise self.refuse(
                f"'{name}' is an operation ({found}), which Keras 3 does not record in .h5 files, so that it cannot "
                "load this file either; save the model as .keras and import that"
            )
        operation = keras_config.operation(entry)
        if operation is not None:
            known = allowed_layers.TENSORFLOW_OPS if found.endswith("OpLambda") else allowed_layers.KERAS_OPS
            if operation not in known:
                raise self.refuse(
                    f"'{name}' is the operation '{operation}', which edgeall does not import; "
                    "write it with one of Keras' layers and save the model again"
                )
            return f"op:{known[operation]}"
        if found == "Lambda":
            raise self.refuse(
                f"layer '{name}' is a Lambda, Python code inside the model file, which is never run; rebuild the "
                "model without it (a Rescaling layer scales as well) and save it again"
            )
        kind = str(allowed_layers.ALIASES.get(found, found))
        if kind not in allowed_layers.LAYERS | allowed_layers.IDENTITY:
            raise self.refuse(
                f"layer '{name}' is a {found}, which is none of the Keras layers that edgeall imports; "
                "rebuild the model with those and save it again"
            )
        if entry["config"].get("data_format") == "channels_first":
            raise self.refuse(
                f"layer '{name}' has its channels first; build the model with data_format='channels_last'"
            )
        return kind

    def _check_call(
        self,
        path: tuple[str, ...],
        entry: dict[str, Any],
        operands: list[Any],
        options: dict[str, Any],
        training: bool,
    ) -> None:
        extra = [operand for operand in operands if not isinstance(operand, OutputRef)]
        kind = allowed_layers.ALIASES.get(entry["class_name"], entry["class_name"])
        if reason := call_arguments.refusal(kind, entry["config"], extra, options, training):
            raise self.refuse(
                f"layer '{'/'.join(path)}' {reason}; build the model without it, for inference, and save it again"
            )

    def _check_numbers(self, layer: Layer, call: dict[str, Any]) -> None:
        if mode := keras_dtypes.quantized(layer.options):
            raise self.refuse(
                f"layer '{layer.name}' was quantized by Keras ({mode}); import the model as it was before "
                "model.quantize(): edgeall export quantizes it itself"
            )
        dtypes = [layer.options.get("dtype"), call.get("dtype") if layer.kind == "op:cast" else None]
        if name := next(
            (name for name in map(keras_dtypes.name_of, dtypes) if not keras_dtypes.is_float(name)), None
        ):
            raise self.refuse(
                f"layer '{layer.name}' computes in {name}; edgeall computes in float32: build it with dtype='float32'"
            )

    def _check_origin(self, entry: dict[str, Any], path: tuple[str, ...]) -> None:
        """A custom class can have the name of one of Keras' own."""
        registered = entry.get("registered_name") or entry["class_name"]
        module = entry.get("module") or "keras"
        if registered != entry["class_name"] or module.split(".")[0] not in ("keras", "tf_keras"):
            raise self.refuse(
                f"'{'/'.join(path) or keras_config.name(entry)}' is of the custom class {registered}, whose code "
                "is never run; rebuild the model with Keras' own layers and save it again"
            )
