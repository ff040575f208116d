"""Verdicts on results that are made for a test."""

from collections.abc import Callable
from typing import Any

from edgeall import results
from edgeall.reporting import DeviceVerdict, judge

Make = Callable[..., dict[str, Any]]
QUICK = [5.0, 5.1, 4.9, 5.0, 5.0]
FAILED = {"n": 20, "agreement": 0.5, "max_abs_diff": 0.9, "mean_abs_diff": 0.4, "passed": False}
UNPROVEN = FAILED | {"n": 66, "passed": None, "outcome": "unproven"}


def verdict(document: dict[str, Any]) -> DeviceVerdict:
    (bench,) = results.merge([("laptop.json", document)])
    return judge(bench)


def both(make_document: Make, make_result: Make, **of_int8: Any) -> DeviceVerdict:
    """A float32 artifact of 10 ms and its INT8."""
    usual = {"precision": "int8", "base_wrong": [], "medians": QUICK}
    return verdict(make_document([make_result(), make_result(**(usual | of_int8))]))


def backbones(
    make_document: Make, make_result: Make, mobile: dict[str, Any], dense: dict[str, Any]
) -> DeviceVerdict:
    slow = {"medians": [95.0, 96.1, 94.2, 95.3, 95.9], "size_mb": 73.0, "memory_mb": 420.0}
    return verdict(make_document([make_result(**mobile), make_result("densenet201", **(slow | dense))]))
