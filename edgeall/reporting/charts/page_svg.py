"""Matplotlib's SVG made fit for a page.

Colours become CSS variables, text takes the page's font, identifiers are unique on the page, and each marked point
carries a title and its values. Styles become attributes, because a page's policy may forbid inlined styles.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from edgeall.reporting.charts.palette import COLOURS

_NAMESPACE = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_TEXTS = ("text", "tspan", "title", "desc")
_LEFT_OUT = ("metadata", "style")
_PLACES = ("d", "x", "y", "transform", "points", "stroke-dasharray")

_VARIABLE = {colour.drawn: f"var({colour.variable})" for colour in COLOURS}
_DRAWN = re.compile("|".join(_VARIABLE))
_URL = re.compile(r"url\(#([^)]*)\)")
_DIGITS = re.compile(r"-?\d+\.\d{3,}")
_NO_TURN = re.compile(r"rotate\(-?0 [^)]*\)")
_SIZE = re.compile(r"([\d.]+)px")


@dataclass(frozen=True)
class Mark:
    """What a point says: `title` to hover over, and `data` attributes by name."""

    title: str
    data: Mapping[str, str]


def for_page(svg: str, name: str, title: str, description: str, marks: Mapping[str, Mark]) -> str:
    """The SVG of a chart.

    Args:
        svg: as Matplotlib writes it, with text as text.
        name: of the chart; begins all identifiers.
        marks: by the identifier (gid) of the group that they belong to.
    """
    # Written by Matplotlib a moment ago, which escapes the texts of others: there is no document type to expand.
    root = ElementTree.fromstring(svg)  # noqa: S314
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in _LEFT_OUT]:
            parent.remove(child)
    own = {old: f"{name}-{number}" for number, old in enumerate(dict.fromkeys(_referred(root)))}
    for element in list(root.iter()):
        _clean(element, own, marks)
    _unwrap(root)
    _inherit(root)
    view = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib |= {
        "xmlns": _NAMESPACE,
        "viewBox": view,
        "role": "img",
        "class": "chart",
        "aria-labelledby": f"{name}-title {name}-desc",
    }
    for tag, text in (("desc", description), ("title", title)):
        root.insert(0, _text(tag, text, id=f"{name}-{tag}"))
    return ElementTree.tostring(root, encoding="unicode")


def _referred(root: Element) -> Iterator[str]:
    """Identifiers that other elements refer to."""
    for element in root.iter():
        if _LINK in element.attrib:
            yield element.attrib[_LINK].removeprefix("#")
        for value in element.attrib.values():
            yield from _URL.findall(value)


def _clean(element: Element, own: Mapping[str, str], marks: Mapping[str, Mark]) -> None:
    """Give an element its attributes for the page. `own`: identifiers on the page by those of Matplotlib."""
    attributes = dict(element.attrib)
    gid = attributes.pop("id", "")
    link = attributes.pop(_LINK, "")
    attributes |= dict(_declarations(attributes.pop("style", "")))
    element.attrib.clear()
    for key, value in attributes.items():
        if text := _attribute(key, value, own):
            element.set(key, text)
    if gid in own:
        element.set("id", own[gid])
    if link:
        element.set("href", f"#{own[link.removeprefix('#')]}")
    if element.tag not in _TEXTS:
        element.text = None
    element.tail = None
    if gid in marks:
        element.set("class", "point")
        element.attrib |= marks[gid].data
        element.insert(0, _text("title", marks[gid].title))


def _attribute(key: str, value: str, own: Mapping[str, str]) -> str:
    value = _URL.sub(lambda found: f"url(#{own[found[1]]})", value)
    value = _DRAWN.sub(lambda found: _VARIABLE[found[0]], value)
    if key in _PLACES:
        value = _DIGITS.sub(lambda found: f"{float(found[0]):.2f}", value)
    if key == "transform":
        value = _NO_TURN.sub("", value)
    return " ".join(value.split())


def _unwrap(element: Element) -> None:
    """Leave out groups that say nothing, a fifth of the bytes."""
    children = []
    for child in element:
        _unwrap(child)
        children += list(child) if child.tag == "g" and not child.attrib else [child]
    element[:] = children


def _inherit(root: Element) -> None:
    """Leave out of each use of a shape what the shape says itself."""
    shapes = {f"#{element.attrib['id']}": element for element in root.iter() if "id" in element.attrib}
    for use in root.iter("use"):
        shape = shapes[use.attrib["href"]]
        for key in [key for key in shape.attrib if key in use.attrib and key != "id"]:
            if use.attrib[key] == shape.attrib[key]:
                del use.attrib[key]


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    """A style's properties; of a font its size and weight alone, so that it is the page's."""
    for declaration in style.split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key == "font":
            if (size := _SIZE.search(value)) is not None:
                yield "font-size", size[1]
            if "bold" in value:
                yield "font-weight", "bold"
        elif key != "font-family" and value:
            yield key, value


def _text(tag: str, text: str, **attributes: str) -> Element:
    element = Element(tag, attributes)
    element.text = text
    return element
