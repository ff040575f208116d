"""What a model's output means: probabilities, or something that is not."""

from dataclasses import dataclass

from edgeall.errors import ModelError
from edgeall.importing.graph import GraphStep, LayerGraph, OutputRef
from edgeall.importing.keras_config import activation_name

PROBABILITIES = ("sigmoid", "softmax")
_KEEPING = ("Flatten", "Reshape", "op:cast", "op:identity", "Dropout", "Identity")


@dataclass(frozen=True)
class Output:
    """The activation that gives the probabilities; `appended` where it is not in the file."""

    activation: str
    appended: str | None = None


def find_output(graph: LayerGraph, asked: str | None, file: str) -> Output:
    """What gives the model's output; `asked` is an activation to append to logits.

    Raises:
        ModelError: the output is no probability, or `asked` would come on top of one.
    """
    found = _last_activation(graph)
    if found in PROBABILITIES:
        if asked is not None:
            raise ModelError(f"{file}: ends in a {found} already; leave out --activation")
        return Output(found)
    if asked is not None and found == "linear":
        return Output(asked, asked)
    what = "without an activation (its outputs are logits)" if found == "linear" else f"in '{found}'"
    way = (
        "append the one that it was trained for with --activation sigmoid or --activation softmax"
        if found == "linear"
        else "edgeall takes classifiers that end in a sigmoid or a softmax"
    )
    raise ModelError(f"{file}: ends {what}; {way}")


def check_classes(width: int, activation: str, labels: tuple[str, ...], file: str) -> None:
    """Outputs, activation and labels belong together.

    Raises:
        ModelError: they do not.
    """
    if width == 1 and activation == "softmax":
        raise ModelError(f"{file}: a softmax over one output is always 1; the model tells nothing apart")
    if width > 1 and activation == "sigmoid":
        raise ModelError(
            f"{file}: has {width} sigmoid outputs, each its own yes or no, which need not add up to 1; "
            "edgeall takes one sigmoid output or a softmax"
        )
    classes = 2 if width == 1 else width
    if classes != len(labels):
        outputs = "one sigmoid output tells two classes apart" if width == 1 else f"it has {width} outputs"
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
