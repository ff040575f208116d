"""The sections of `make bench`: one module and one row each.

A new section is a module that is a `bench.section.Section`, and a name here. Modules are imported when they are needed.
"""

import importlib

from bench.section import Section

SECTIONS: tuple[str, ...] = ("runner", "classify", "export", "footprint", "frozen", "growth")
"""Names in the order in which they are measured and shown; each is a module of this package."""


def load(name: str) -> Section:
    """The section of that name."""
    section: Section = importlib.import_module(f"bench.sections.{name}")
    return section
