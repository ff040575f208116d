"""Whether a model's output is probabilities, and by which activation."""

from dataclasses import dataclass

from edgeall.errors import ModelError
from edgeall.importing.graph import GraphStep, LayerGraph, OutputRef
from edgeall.importing.keras_config import activation_name

PROBABILITIES = ("sigmoid", "softmax")
_KEEPING = ("Flatten", "Reshape", "op:cast", "op:identity", "Dropout", "Identity")


@dataclass(frozen=True)
class Output:
    """The activation that gives the probabilities.

    Attributes:
        appended: the same, where the file's model lacks it.
    """

    activation: str
    appended: str | None = None


def find_output(graph: LayerGraph, append: str | None, file: str) -> Output:
    """The activation at the model's end.

    Args:
        append: an activation to append to logits.

    Raises:
        ModelError: the output is not a probability, or `append` would follow another activation.
    """
    found = _last_activation(graph)
    if found in PROBABILITIES:
        if append is not None:
            raise ModelError(f"{file}: ends in a {found} already; leave out --activation")
        return Output(found)
    if append is not None and found == "linear":
        return Output(append, append)
    what = "without an activation (its outputs are logits)" if found == "linear" else f"in '{found}'"
    way = (
        "append the one that it was trained for with --activation sigmoid or --activation softmax"
        if found == "linear"
        else "edgeall imports classifiers that end in a sigmoid or a softmax"
    )
    raise ModelError(f"{file}: ends {what}; {way}")


def check_classes(width: int, activation: str, labels: tuple[str, ...], file: str) -> None:
    """Check that the number of outputs, the activation and the labels match.

    Raises:
        ModelError: they do not.
    """
    if width == 1 and activation == "softmax":
        raise ModelError(
            f"{file}: a softmax over one output is always 1, so the model cannot separate classes"
        )
    if width > 1 and activation == "sigmoid":
        raise ModelError(
            f"{file}: has {width} independent sigmoid outputs, which need not add up to 1; "
            "edgeall imports one sigmoid output or a softmax"
        )
    classes = 2 if width == 1 else width
    if classes != len(labels):
        outputs = "one sigmoid output separates two classes" if width == 1 else f"it has {width} outputs"
        raise ModelError(f"{file}: {outputs}, but --labels has {len(labels)} ({', '.join(labels)})")


def _last_activation(graph: LayerGraph) -> str:
    step = graph.step_of(OutputRef(graph.output))
    while step is not None and step.layer.kind in _KEEPING:
        step = graph.step_of(step.operands[0])
    return "linear" if step is None else _activation_of(step)


def _activation_of(step: GraphStep) -> str:
    kind, options = step.layer.kind, step.layer.options
    if kind.startswith("op:"):
        return kind.removeprefix("op:")
    if "activation" in options:
        return activation_name(options["activation"])
    return {"Softmax": "softmax"}.get(kind, kind)
