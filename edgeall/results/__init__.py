"""The contract between bench and whatever reads its results: their types, their file, and how two are compared."""

from edgeall.results.device_bench import Bench, JsonObject
from edgeall.results.document import SCHEMA, Document, Failure, Result
from edgeall.results.json_files import build, load, merge, to_json

__all__ = [
    "SCHEMA",
    "Bench",
    "Document",
    "Failure",
    "JsonObject",
    "Result",
    "build",
    "load",
    "merge",
    "to_json",
]
