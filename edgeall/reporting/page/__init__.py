"""The report as one HTML page that loads nothing, and as a PDF of it."""

from edgeall.reporting.page.markup import html
from edgeall.reporting.page.printing import write_pdf

__all__ = ["html", "write_pdf"]
