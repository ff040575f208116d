"""Charts read back from their SVG."""

import math
import re
from xml.etree import ElementTree

from edgeall import results
from edgeall.reporting.charts import Chart
from edgeall.results import Bench, JsonObject

NAMESPACE = "{http://www.w3.org/2000/svg}"


def bench_of(document: JsonObject) -> Bench:
    (bench,) = results.merge([("test", document)])
    return bench


def root(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(chart.svg)


def points(chart: Chart, **wanted: str) -> list[dict[str, str]]:
    """The data attributes of each point, without "data-", of those that have the wanted ones."""
    found = [
        {key.removeprefix("data-"): value for key, value in element.attrib.items() if key.startswith("data-")}
        for element in root(chart).iter()
        if element.get("class") == "point"
    ]
    return [point for point in found if wanted.items() <= point.items()]


def places(chart: Chart) -> list[tuple[dict[str, str], float, float]]:
    """Points with where their marker is drawn."""
    found = []
    for element in root(chart).iter():
        use = element.find(f".//{NAMESPACE}use")
        if element.get("class") == "point" and use is not None:
            data = {key.removeprefix("data-"): value for key, value in element.attrib.items()}
            found.append((data, float(use.attrib["x"]), float(use.attrib["y"])))
    return found


def on_a_line(pairs: list[tuple[float, float]], pixels: float = 0.1) -> bool:
    """Whether pixels are a linear function of values."""
    (low, first), (high, last) = min(pairs), max(pairs)
    slope = (last - first) / (high - low)
    return all(math.isclose(first + slope * (value - low), at, abs_tol=pixels) for value, at in pairs)


def texts(chart: Chart) -> str:
    """All text that is drawn, without titles."""
    return "\n".join("".join(element.itertext()) for element in root(chart).iter(f"{NAMESPACE}text"))


def colours(chart: Chart) -> set[str]:
    """All colours of fills and lines."""
    drawn = [
        value
        for element in root(chart).iter()
        for key, value in element.attrib.items()
        if key in ("fill", "stroke")
    ]
    return {value for value in drawn if not re.fullmatch(r"none|var\(--[a-z0-9]+\)", value)}
