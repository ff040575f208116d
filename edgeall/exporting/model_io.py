"""What a converted model takes and gives, read from its file: no engine is started."""

from pathlib import Path
from xml.etree import ElementTree

from edgeall.artifact import Format, Tensors
from edgeall.errors import ExportError
from edgeall.exporting.exporter import exporter


def tensors(path: Path, format: Format) -> Tensors:
    """The input and output of the bare model at `path`.

    Raises:
        ExportError: the file has none, or of a type that edgeall does not write.
    """
    try:
        return exporter(format).tensors(path)
    except (KeyError, IndexError, AttributeError, ValueError, ElementTree.ParseError) as error:
        raise ExportError(f"{path}: its input and output cannot be told ({error!r})") from None
