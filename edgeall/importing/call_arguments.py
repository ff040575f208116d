"""Arguments of a layer's call besides its tensors: ignored where they have no effect, else refused."""

from collections.abc import Sequence
from typing import Any

from edgeall.importing import allowed_layers

_STATISTICS = "it normalizes by the statistics of the batch"
_AT_RANDOM = "its output is random"
_SAME_IN_TRAINING = ("ActivityRegularization", "Identity")


def trains(outer: bool, options: dict[str, Any]) -> bool:
    """Whether a layer acts as in training: by its own call, else by the call of the model around it."""
    own = options.get("training")
    return outer if own is None else bool(own)


def refusal(
    kind: str, config: dict[str, Any], extra: Sequence[Any], options: dict[str, Any], training: bool
) -> str | None:
    """Why edgeall cannot compute a call; None for plain inference.

    Args:
        kind: the layer's class.
        config: its configuration.
        extra: positional arguments other than tensors.
        options: keyword arguments.
        training: see `trains`. Keras 2 always follows it. Keras 3 does when the model is called, but not in predict().
    """
    for value in extra:
        if value is not None and value is not False:
            return f"is called with the constant {_short(value)} beside its input"
    for key, value in options.items():
        known = (None, False, True) if key == "training" else (None,)
        if not all(any(leaf is one for one in known) for leaf in _leaves(value)):
            return f"is called with {key}={_short(value)}"
    reason = _in_training(kind, config) if training else None
    return reason and f"is called with training=True: {reason}"


def _in_training(kind: str, config: dict[str, Any]) -> str | None:
    """How a layer differs in training. A frozen BatchNormalization does not (since Keras 2.2)."""
    if kind == "BatchNormalization":
        return None if config.get("trainable") is False else _STATISTICS
    return _AT_RANDOM if kind in allowed_layers.IDENTITY and kind not in _SAME_IN_TRAINING else None


def _leaves(value: Any) -> list[Any]:
    """Leaves of a nested value; `mask` has the structure of the input."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [value] if inner is None else [leaf for one in inner for leaf in _leaves(one)]


def _short(value: Any) -> str:
    text = value if isinstance(value, str | int | float) else "a tensor or a structure"
    return str(text)[:40]
