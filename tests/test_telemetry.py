"""No library that edgeall loads keeps or sends anything of its user: not by the command, and not from Python."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from small_models import FORMATS, SmallModel

from edgeall.targets import agent
from edgeall.telemetry import FOREIGN, VARIABLES

ROOT = Path(__file__).parents[1]

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
    done = run_at(home, *words, picture)
    assert done.returncode in (0, 1), done.stderr
    assert left_by_others(home) == []


def run_at(home: Path, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run Python with a home folder, and nothing that switches telemetry off already."""
    dropped = {*QUIET_ALREADY, *VARIABLES, "PYTHONPATH"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return subprocess.run(
        [sys.executable, *words],
        env=kept | {"HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def left_by_others(home: Path) -> list[Path]:
    """Files in a home folder that are not edgeall's own."""
    return [
        path for path in home.rglob("*") if path.is_file() and "edgeall" not in path.relative_to(home).parts
    ]


# -- engines that are loaded where edgeall is not

ON_A_BOARD = """
import json, sys
program, request = sys.argv[1:]
exec(compile(open(program).read(), program, "exec"))
assert "edgeall" not in sys.modules
print(json.dumps(engines(json.loads(request))))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="boards have Linux")
def test_engines_that_are_tried_on_a_board_leave_nothing_in_its_home_folder(tmp_path: Path) -> None:
    """As `devices check` and `provision` send the agent: it imports engines without edgeall."""
    modules = ["onnxruntime", "openvino"]
    request = {
        "folder": str(tmp_path / "board"),
        "paths": [],
        "isolated": False,
        "modules": modules,
        "launcher": "edgeall",
        "keep": False,
        "variables": {**VARIABLES, **FOREIGN},
    }
    home = tmp_path / "home"
    home.mkdir()
    done = run_at(home, "-c", ON_A_BOARD, str(agent.__file__), json.dumps(request))
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == set(modules)
    assert left_by_others(home) == []


def test_every_request_to_try_engines_has_the_variables() -> None:
    source = (ROOT / "edgeall" / "targets" / "ssh.py").read_text(encoding="utf-8")
    (made,) = [
        call
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and any(keyword.arg == "modules" for keyword in call.keywords)
    ]
    assert "variables={**VARIABLES, **FOREIGN}" in ast.unparse(made)


LOADS = re.compile(r"^\s*(?:import|from) (?:onnxruntime|openvino)\b", re.MULTILINE)
LOADS_EDGEALL = re.compile(r"^\s*(?:import|from) edgeall\b", re.MULTILINE)
OWN_PROGRAMS = {
    "benchmarks/peers/scripts/nncf_accuracy_control.py": "",
    "benchmarks/peers/scripts/nncf_quantize.py": "",
    "benchmarks/peers/scripts/quantize_static.py": "run with the variables (benchmarks/peers/quantizing.py)",
    "docs/without-edgeall.md": "programs that users copy and run without edgeall; the page says what engines report",
    "findings/onnxruntime-per-channel-loses-bias-of-zero-channel.sh": "",
    "findings/openvino-adds-before-it-rounds.sh": "",
    "findings/openvino-model-api-single-sigmoid-always-first-label.sh": "",
    "findings/openvino-moves-stride-past-padding.sh": "scripts for other projects, in environments of their own",
}
"""What loads an engine without edgeall: programs of users and of contributors, who start each by hand."""


def test_nothing_else_loads_an_engine_without_edgeall() -> None:
    """Files of the package load it by being in it; tests by their conftest; others by their own import of it."""
    found = set()
    for folder in ("benchmarks", "devices", "docs", "emulator", "examples", "export", "findings", "release"):
        for path in sorted((ROOT / folder).rglob("*")) + sorted(ROOT.glob("*.md")):
            if not path.is_file() or path.suffix not in (".py", ".sh", ".md", ".toml", ""):
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            if LOADS.search(text) and not (path.suffix == ".py" and LOADS_EDGEALL.search(text)):
                found.add(path.relative_to(ROOT).as_posix())
    assert found == set(OWN_PROGRAMS)


def test_pages_with_programs_of_ones_own_say_what_engines_report() -> None:
    page = (ROOT / "docs" / "without-edgeall.md").read_text(encoding="utf-8")
    assert 'os.environ["ORT_DISABLE_TELEMETRY"] = "1"' in page
    assert "openvino-telemetry" in page


def test_programs_that_edgeall_starts_elsewhere_load_edgeall() -> None:
    """Launchers of kits and boards run `-m edgeall`; processes of this machine inherit the variables."""
    from edgeall.station.launchers import launcher

    assert "-m edgeall" in launcher("/opt/edgeall", "python3", ("code",), True)
    started = [
        line.strip()
        for path in (ROOT / "edgeall").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"sys\.executable,.*\"-[cm]\"", line)
    ]
    assert sorted(started) == sorted(STARTED)


STARTED = [
    # The benchmark tools of engines: with `FOREIGN` (edgeall/benching/tool_runner.py).
    'return FoundTool(tool, (sys.executable, "-P", "-c", entry), metadata.version(tool.engine))',
    # With the variables of the request, see above.
    '[sys.executable, *no_bytecode, "-P", "-c", f"import {module}"],',
    '[sys.executable, "-P", "-m", "edgeall.measuring.runner"],',
    'command = [*under, sys.executable, "-P", "-m", f"edgeall.measuring.{module}"]',
    '[sys.executable, "-m", "edgeall.exporting.conversion_worker"],',
    # edgeall/cluster/alone.py
    '[sys.executable, "-m", __name__],',
    '[sys.executable, "-m", "edgeall", *step.argv],',
]
"""How edgeall starts Python: whoever adds a line says how its telemetry is switched off."""
