"""A JSON value with one thing changed, in every way and at every place that a damaged file may have."""

import copy
import math
from collections.abc import Iterator
from typing import Any

WRONG = (
    None,
    True,
    -1,
    0,
    0.5,
    "x",
    "",
    "a\0b",
    [],
    {},
    [None],
    ["x"],
    [-1],
    [[0.9, 0.9]],
    {"a": None},
    10**400,
)
WRONG += (math.nan, math.inf, -math.inf)


def changed(document: Any, most: int = 3) -> Iterator[tuple[str, Any]]:
    """Each with what it is: a key gone, an item gone or twice there, a value of another kind or out of any range.

    Of long lists the first `most` items are changed.
    """
    if isinstance(document, dict):
        for key in document:
            yield f"without {key}", {name: value for name, value in document.items() if name != key}
        items: list[tuple[Any, Any]] = list(document.items())
    elif isinstance(document, list):
        for index in range(len(document))[:most]:
            yield f"without [{index}]", document[:index] + document[index + 1 :]
            yield f"[{index}] twice", [*document, document[index]]
        items = list(enumerate(document))[:most]
    else:
        return
    for key, value in items:
        for what, inner in (*((f"{wrong!r}", wrong) for wrong in WRONG), *changed(value, most)):
            copied = copy.copy(document)
            copied[key] = inner
            yield f"{key}: {what[:60]}", copied
