"""The sections of `make bench`: one module and one row each.

A new section is a module that is a `bench.section.Section`, and a name here. Modules are imported when they are needed.
"""

import importlib

from bench.section import Section

SECTIONS: dict[str, str] = {
    "runner": "tools",
    "classify": "classify-speed",
    "export": "export-speed",
    "int8": "int8",
    "footprint": "footprint",
    "frozen": "frozen-features",
    "growth": "growth",
}
"""Modules of this package, in the order in which they are measured and shown, to the names of their pages."""


def load(name: str) -> Section:
    """The section of that name."""
    section: Section = importlib.import_module(f"bench.sections.{name}")
    return section
