"""Sphinx's configuration: `make docs` builds the pages of docs/, benchmarks/results/ and the repository's top."""

from edgeall import __version__

project = "edgeall"
author = "the edgeall contributors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# The source folder is the repository's, so that links between all of its pages are links between pages.
include_patterns = [
    "docs/*.md",
    "benchmarks/results/*.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
# Folders of other names are not walked through.
exclude_patterns = ["[!bdACS]*"]
root_doc = "docs/index"
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "fixed_sidebar": True}

myst_heading_anchors = 4
# A single backtick in a docstring is code.
default_role = "code"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
