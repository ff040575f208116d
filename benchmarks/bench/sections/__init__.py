"""The sections of `make bench`: one module and one row each.

A new section is a module that is a `bench.section.Section`, and a row here. Modules are imported when they are asked for.
"""

import importlib

from bench.section import Section

SECTIONS: tuple[str, ...] = ("int8",)
"""Names in the order in which they are measured and shown; each is a module of this package."""


def load(name: str) -> Section:
    """The section of that name."""
    section: Section = importlib.import_module(f"bench.sections.{name}")
    return section
