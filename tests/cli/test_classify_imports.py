"""What `edgeall classify` loads: what one classification needs, and nothing that only other commands do.

Loading modules is most of the time of a classification. `make bench SECTIONS=classify` measures it.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from small_models import SmallModel

EDGEALL = [
    "edgeall",
    "edgeall.artifact",
    "edgeall.artifact.appended_zip",
    "edgeall.artifact.containers",
    "edgeall.artifact.domain",
    "edgeall.artifact.golden",
    "edgeall.artifact.metadata",
    "edgeall.artifact.person_cut",
    "edgeall.artifact.protobuf",
    "edgeall.artifact.shares",
    "edgeall.artifact.tested",
    "edgeall.cli",
    "edgeall.cli.classify",
    "edgeall.cli.crash_message",
    "edgeall.cli.display",
    "edgeall.cli.main",
    "edgeall.cli.outcome",
    "edgeall.cli.parsing",
    "edgeall.cli.standard_streams",
    "edgeall.cli.verdict_lines",
    "edgeall.documents",
    "edgeall.domain",
    "edgeall.domain.figures",
    "edgeall.domain.judging",
    "edgeall.domain.wording",
    "edgeall.engines",
    "edgeall.errors",
    "edgeall.field",
    "edgeall.field.answers",
    "edgeall.field.classify",
    "edgeall.field.counts",
    "edgeall.field.reading_ahead",
    "edgeall.field.session_pool",
    "edgeall.field.single_pictures",
    "edgeall.field.sources",
    "edgeall.field.verdict",
    "edgeall.files",
    "edgeall.golden",
    "edgeall.golden.checkable",
    "edgeall.golden.remembered",
    "edgeall.pixels",
    "edgeall.pixels.bounded",
    "edgeall.pixels.canvas",
    "edgeall.pixels.colour",
    "edgeall.pixels.deep_png",
    "edgeall.pixels.folder",
    "edgeall.pixels.formats",
    "edgeall.pixels.jpeg2000",
    "edgeall.pixels.mapping",
    "edgeall.pixels.opening",
    "edgeall.pixels.quality",
    "edgeall.pixels.raster",
    "edgeall.pixels.reading",
    "edgeall.pixels.refusal",
    "edgeall.pixels.scale",
    "edgeall.pixels.square",
    "edgeall.progress",
    "edgeall.runtimes",
    "edgeall.runtimes.accelerator",
    "edgeall.runtimes.precision",
    "edgeall.runtimes.session",
    "edgeall.runtimes.tflite",
    "edgeall.suggestions",
    "edgeall.telemetry",
    "edgeall.values",
    "edgeall.wilson",
]
"""All of edgeall that one classification may load. A new module belongs here if a picture cannot be classified
without it; otherwise it is imported by the function that needs it."""

NEVER = [
    "PIL.BmpImagePlugin",
    "PIL.GifImagePlugin",
    "PIL.ImageCms",
    "PIL.PngImagePlugin",
    "PIL.TiffImagePlugin",
    "asyncio",
    "concurrent.futures.process",
    "csv",
    "difflib",
    "email",
    "http",
    "importlib.metadata",
    "importlib.resources",
    "keras",
    "multiprocessing",
    "optuna",
    "rich",
    "scipy",
    "shutil",
    "sklearn",
    "socketserver",
    "sqlite3",
    "ssl",
    "statistics",
    "tempfile",
    "tensorflow",
    "tomllib",
    "urllib.request",
    "uuid",
    "xml",
    "zipfile",
]
"""What it must not load, unless the libraries that it cannot do without load it themselves."""

LIBRARIES = """
import sys
import msgspec, numpy, PIL.Image
from ai_edge_litert.interpreter import Interpreter
from typing_extensions import get_type_hints
PIL.Image.open(sys.argv[1]).load()
"""
COMMAND = """
import sys
from edgeall.cli.main import main
assert main(["classify", sys.argv[1], "--model", sys.argv[2], "--force", *sys.argv[3:]]) == 0
"""
HELP = """
import sys
from edgeall.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
"""
TELL = """
import json
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def loaded(program: str, *arguments: str | Path) -> set[str]:
    """Modules that a program has loaded at its end."""
    command = [sys.executable, "-c", program + TELL, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.fixture(scope="module")
def picture(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "one.jpg"
    Image.fromarray(tiny.images[0]).save(path)
    return path


@pytest.mark.parametrize("options", [(), ("--json",)], ids=" ".join)
def test_a_picture_is_classified_with_what_it_needs(
    tiny: SmallModel, picture: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("typing_extensions")
    modules = loaded(COMMAND, picture, tiny.sealed("tflite-int8", tmp_path).path, *options)
    assert {name for name in modules if name.partition(".")[0] == "edgeall"} == set(EDGEALL)
    assert modules.intersection(NEVER) - loaded(LIBRARIES, picture) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["classify", "--help"], ["--version"]], ids=" ".join)
def test_help_loads_no_table_and_no_engine(arguments: list[str]) -> None:
    modules = loaded(HELP, *arguments)
    assert modules.isdisjoint({"rich", "ai_edge_litert", "onnxruntime", "openvino", "tensorflow"})
