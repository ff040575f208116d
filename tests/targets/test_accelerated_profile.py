"""A profile names accelerators and batches; what this machine lacks of them is left out or refused, with the reason."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="benching needs the workstation's packages")

from edgeall.errors import DeviceError, UsageError
from edgeall.measuring.environment import environment
from edgeall.measuring.plan import QUICK
from edgeall.progress import SILENT
from edgeall.runtimes import Accelerator
from edgeall.targets import (
    Profile,
    able_here,
    load_profile,
    missing_accelerators,
    open_target,
    parse_batches,
    read_profile,
)
from edgeall.targets.readiness import judge_here

CPU = 'onnx = "CPUExecutionProvider"'
ABSENT = 'openvino = {provider = "NoSuchDevice", device = 1}'


def levels(profile: Profile) -> list[str]:
    """Of what `devices check` finds of the profile's accelerators."""
    found = judge_here(environment(), profile)
    return [finding.level for finding in found if finding.subject in profile.accelerators]


def written(folder: Path, *lines: str) -> Path:
    path = folder / "card.toml"
    path.write_text("\n".join(['reach = "local"', *lines]))
    return path


def test_the_shipped_profile_asks_for_cards_and_batches_to_256() -> None:
    gpu = load_profile("gpu")
    assert gpu.accelerators == {"onnx": Accelerator("CUDAExecutionProvider"), "openvino": Accelerator("GPU")}
    assert gpu.formats == ("onnx", "openvino")
    assert (min(gpu.batches), max(gpu.batches)) == (1, 256)
    settings = gpu.settings(QUICK)
    assert (settings.accelerators, settings.batches) == (gpu.accelerators, gpu.batches)


def test_accelerators_are_read_with_their_device(tmp_path: Path) -> None:
    profile = read_profile(written(tmp_path, "batches = [8, 8, 2]", "[accelerators]", CPU, ABSENT))
    assert profile.accelerators["openvino"] == Accelerator("NoSuchDevice", 1)
    assert profile.batches == (8, 2)


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        (("batches = [0]",), "batches"),
        (("batches = [4096]",), "batches"),
        (('batches = ["all"]',), "batches"),
        (("[accelerators]", "onnx = 3"), "accelerators"),
        (("[accelerators]", 'onnx = ""'), "accelerators"),
        (("[accelerators]", r'onnx = "a\u001b[31m"'), "accelerators.onnx must be"),
        (("[accelerators]", r'onnx = {provider = "a\n"}'), "accelerators.onnx must be"),
        (("[accelerators]", "onnx = {device = 1}"), "accelerators.onnx.provider: missing"),
        (("[accelerators]", 'onnx = {provider = "A", device = -1}'), "accelerators.onnx must be"),
        (("[accelerators]", 'onnx = {provider = "A", divice = 1}'), "accelerators.onnx.device"),
        (("[accelerators]", 'onyx = "A"'), "unknown key of accelerators 'onyx': did you mean 'onnx'"),
        # It would be computed on the processor, under the accelerator's name.
        (('formats = ["onnx", "openvino"]', "[accelerators]", CPU), "accelerators.openvino"),
    ],
)
def test_a_mistake_is_refused_by_key(tmp_path: Path, lines: tuple[str, ...], key: str) -> None:
    with pytest.raises(UsageError, match=key.replace(".", r"\.")):
        read_profile(written(tmp_path, *lines))


@pytest.mark.parametrize("values", [["2", "64"], [2, 64]])
def test_batches_come_as_numbers_or_their_digits(values: list[object]) -> None:
    assert parse_batches(values) == (2, 64)


def test_what_is_missing_is_left_out_where_something_is_there(tmp_path: Path) -> None:
    profile = read_profile(written(tmp_path, "[accelerators]", CPU, ABSENT))
    noted: list[str] = []

    class Noting(type(SILENT)):  # type: ignore[misc]
        def note(self, text: str) -> None:
            noted.append(text)

    narrowed = able_here(profile, Noting())
    assert (narrowed.formats, list(narrowed.accelerators)) == (("onnx",), ["onnx"])
    assert len(noted) == 1
    assert noted[0].startswith("openvino left out")
    assert open_target(profile).unreachable() is None
    assert levels(profile) == ["good", "warning"]


def test_where_nothing_is_there_each_engine_says_why(tmp_path: Path) -> None:
    profile = read_profile(written(tmp_path, "[accelerators]", 'onnx = "NoSuchProvider"', ABSENT))
    with pytest.raises(DeviceError, match=r"NoSuchProvider.*NoSuchDevice") as refused:
        able_here(profile)
    assert refused.value.exit_status == 2
    assert "\n" not in str(refused.value)
    assert "NoSuchProvider" in (open_target(profile).unreachable() or "")
    assert levels(profile) == ["missing", "missing"]


def test_the_process_that_waits_while_others_measure_opens_no_engine(tmp_path: Path) -> None:
    """On a card an opened engine holds a context and memory until its process ends."""
    file = written(tmp_path, "[accelerators]", CPU, 'openvino = "CPU"')
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from edgeall.targets import able_here, open_target, read_profile\n"
        "from edgeall.measuring.environment import environment\n"
        "from edgeall.targets.readiness import judge_here\n"
        f"profile = read_profile(Path({str(file)!r}))\n"
        "assert able_here(profile).formats == ('onnx', 'openvino')\n"
        "assert open_target(profile).unreachable() is None\n"
        "levels = {each.subject: each.level for each in judge_here(environment(), profile)}\n"
        "assert (levels['onnx'], levels['openvino']) == ('good', 'good')\n"
        "print([name for name in ('onnxruntime', 'openvino') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform == "win32", reason="no process is killed by a signal there")
def test_a_driver_that_crashes_costs_its_engine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver is a mock: it kills the process that loads ONNX Runtime."""
    (tmp_path / "crash").mkdir()
    (tmp_path / "crash" / "sitecustomize.py").write_text(
        "import importlib.abc, os, signal, sys\n"
        "class Crash(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'onnxruntime':\n"
        "            os.kill(os.getpid(), signal.SIGSEGV)\n"
        "sys.meta_path.insert(0, Crash())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "crash"))
    profile = read_profile(written(tmp_path, "[accelerators]", CPU, 'openvino = "CPU"'))
    missing = missing_accelerators(profile)
    assert list(missing) == ["onnx"]
    assert "SIGSEGV" in missing["onnx"]
    assert "CPUExecutionProvider" in missing["onnx"]


def test_the_processor_needs_no_accelerator() -> None:
    laptop = load_profile("laptop")
    assert able_here(laptop) is laptop
    assert open_target(laptop).unreachable() is None
    assert levels(laptop) == []
