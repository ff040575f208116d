"""The page's markup: template, style and script of this folder, put into one file."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from importlib.resources import files

import jinja2

from edgeall.files import AnyPath
from edgeall.recommending.answer import BECAUSE, NOT_KNOWN, TAKE
from edgeall.reporting.charts import palette
from edgeall.reporting.page.contents import contents, marked, split
from edgeall.results import Bench


def html(benches: Sequence[Bench], results: Iterable[AnyPath] = ()) -> str:
    """The whole page. It loads nothing: its policy allows its own style and script, by their content, and no more.

    All texts are escaped. The charts' SVG is put in as it is, because `edgeall.reporting.charts` escapes its texts.

    Args:
        results: files that the benches were read from; the runs in whose folders they lie are shown too.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
    )
    style, script = palette.css() + _text("page.css"), _text("sorting.js")
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src '{_source(style)}'; script-src '{_source(script)}'"
    )
    return environment.get_template("page.html").render(
        page=contents(benches, results),
        policy=policy,
        style=style,
        script=script,
        split=split,
        headings=(TAKE, BECAUSE, NOT_KNOWN),
        marked=marked,
    )


def _text(name: str) -> str:
    return (files("edgeall.reporting.page") / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """As a content security policy names an inlined text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
