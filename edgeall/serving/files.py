"""The files of the page, by their addresses: what is not in the table does not exist."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from edgeall.values import dataclass

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class PageFile:
    """One file of the page."""

    content: bytes
    media_type: str


def page_files() -> dict[str, PageFile]:
    """Addresses and files: "/" is the page itself, all others are below "/static/"."""
    found = dict(_below(files("edgeall.serving") / "page", ""))
    return {"/" if name == "index.html" else f"/static/{name}": file for name, file in found.items()}


def _below(folder: Traversable, prefix: str) -> "list[tuple[str, PageFile]]":
    found = list[tuple[str, PageFile]]()
    for each in folder.iterdir():
        if each.is_dir():
            found += _below(each, f"{prefix}{each.name}/")
        elif (media_type := _TYPES.get(each.name.rpartition(".")[2])) is not None:
            found.append((f"{prefix}{each.name}", PageFile(each.read_bytes(), media_type)))
    return found
