"""No library that edgeall loads keeps or sends anything of its user: not by the command, and not from Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from small_models import FORMATS, SmallModel

from edgeall.telemetry import VARIABLES

QUIET_ALREADY = (
    "CI",
    "TF_BUILD",
    "GITHUB_ACTIONS",
    "ORT_RUNNING_UNIT_TESTS",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
)
"""Variables of test machines that switch telemetry off or put its files elsewhere."""

FROM_PYTHON = """
import sys
from edgeall import artifact
from edgeall.field import classify
print(*classify(artifact.read(sys.argv[1]), sys.argv[2:]))
"""


@pytest.mark.parametrize("way", ["command", "python"])
@pytest.mark.parametrize("format", FORMATS)
def test_a_classification_leaves_nothing_of_a_library_in_the_home_folder(
    tiny: SmallModel, tmp_path: Path, format: str, way: str
) -> None:
    made = tiny.sealed(f"{format}-fp32", tmp_path)
    picture, home = tmp_path / "cell.png", tmp_path / "home"
    Image.fromarray(tiny.images[1]).save(picture)
    home.mkdir()
    words = (
        ["-m", "edgeall", "classify", "--model", made.path]
        if way == "command"
        else ["-c", FROM_PYTHON, made.path]
    )
    dropped = {*QUIET_ALREADY, *VARIABLES}
    done = subprocess.run(
        [sys.executable, *words, picture],
        env={name: value for name, value in os.environ.items() if name not in dropped} | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    others = [
        path for path in home.rglob("*") if path.is_file() and "edgeall" not in path.relative_to(home).parts
    ]
    assert others == []
