"""Input and output tensors of a converted model, read from its file without an engine."""

from pathlib import Path
from xml.etree import ElementTree

from edgeall.artifact import Format, Tensors
from edgeall.errors import ExportError
from edgeall.exporting.exporter import exporter


def tensors(path: Path, format: Format) -> Tensors:
    """The input and output of the bare model at `path`.

    Raises:
        ExportError: the file has none, or has types that edgeall does not write.
    """
    try:
        return exporter(format).tensors(path)
    except (KeyError, IndexError, AttributeError, ValueError, ElementTree.ParseError) as error:
        raise ExportError(f"{path}: its input and output cannot be read ({error!r})") from None
