"""A kit's journey on emulated Raspberry Pis without a network: `make test-emulator` runs it.

Both systems have python3 and neither pip nor venv. EDGEALL_TEST_KIT_MODEL and EDGEALL_TEST_KIT_PICTURES name another
artifact and a folder of pictures, instead of the small ones.
"""

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from small_kits import KeyPair, key_pair, run
from small_models import SmallModel

pytest.importorskip("cryptography", reason="kits are made on a workstation")

from edgeall import artifact
from edgeall.bundling import bundle
from edgeall.errors import DeviceError
from edgeall.field import Classified, classify
from edgeall.targets import emulator, load_profile, read_profile
from edgeall.targets.emulator import lacking
from edgeall.targets.profile import Profile

pytestmark = pytest.mark.skipif(
    os.environ.get("EDGEALL_TEST_EMULATOR") != "1", reason="emulation is slow: make test-emulator"
)

TRIXIE = """
reach = "emulator"
cpu = "cortex-a76"
system = "trixie"
[kit]
machine = "aarch64"
glibc = "2.36"
pythons = ["3.11", "3.13"]
"""


@pytest.fixture(params=["rpi4-emulated", "trixie"])
def profile(request: pytest.FixtureRequest, tmp_path: Path) -> Profile:
    if request.param == "trixie":
        (tmp_path / "trixie.toml").write_text(TRIXIE)
        found = read_profile(tmp_path / "trixie.toml")
    else:
        found = load_profile(request.param)
    if reason := lacking(found):
        pytest.skip(reason)
    return found


@pytest.fixture
def board(
    profile: Profile, tmp_path: Path
) -> Iterator[tuple[Path, Callable[..., subprocess.CompletedProcess[str]]]]:
    """A folder of the board's home, which is `/root/kit` there, and what runs a command on it without a network."""
    (tmp_path / "system").mkdir()
    shell = emulator._shell(profile, tmp_path / "system")
    cut = ["unshare", "-rn"] if run("unshare", "-rn", "true").returncode == 0 else []

    def there(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*cut, shell],
            env={"PATH": os.environ["PATH"], "SSH_ORIGINAL_COMMAND": shlex.join(words)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    home = emulator.folder() / f"home-{profile.name}" / "kit"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    yield home, there
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[artifact.Artifact, Path]:
    """An artifact, and a folder of pictures for it."""
    if named := os.environ.get("EDGEALL_TEST_KIT_MODEL"):
        return artifact.read(named), Path(os.environ["EDGEALL_TEST_KIT_PICTURES"])
    tiny: SmallModel = request.getfixturevalue("tiny")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index, pixels in enumerate(tiny.images):
        image = Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC)
        image.save(pictures / f"cell{index:02}.{'jpg' if index % 2 else 'png'}")
    return tiny.sealed("tflite-int8", tmp_path), pictures


def test_from_kit_to_verdict_without_a_network(
    profile: Profile,
    board: tuple[Path, Callable[..., subprocess.CompletedProcess[str]]],
    subject: tuple[artifact.Artifact, Path],
    lab: KeyPair,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    home, there = board
    sealed, pictures = subject
    try:
        made = bundle(sealed.path, profile, tmp_path / "kit.zip", key=lab.key)
    except DeviceError as error:
        pytest.skip(f"no wheels: {error}")
    shutil.copy(made.path, home / "kit.zip")
    shutil.copy(lab.public, home / "lab.pub")
    shutil.copytree(pictures, home / "pictures")
    assert there("python3", "-c", "import ensurepip").returncode, "there is no pip on this board"
    began = time.monotonic()
    done = there(
        *(
            "python3",
            "-I",
            "/root/kit/kit.zip",
            "install",
            "--to",
            "/root/kit/station",
            "--key",
            "/root/kit/lab.pub",
        )
    )
    installed = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    done = there("/root/kit/station/bin/edgeall", "classify", "--json", "/root/kit/pictures")
    whole = time.monotonic() - began
    scores = {Path(row["path"]).name: row["score"] for row in map(json.loads, done.stdout.splitlines())}
    expected = {
        Path(each.path).name: each.to_dict()["score"]
        for each in classify(sealed, [pictures])
        if isinstance(each, Classified)
    }
    assert scores == expected
    assert len(scores) > 3
    disk = sum(path.stat().st_size for path in (home / "station").rglob("*") if path.is_file())
    figures = (
        f"{profile.name}: kit {made.size_bytes / 1e6:.1f} MB, installed in {installed:.0f} s, {len(scores)} verdicts "
        f"after {whole:.0f} s, {disk / 1e6:.0f} MB of disk; emulated, no latency"
    )
    record_property("journey", figures)
    print(figures)
    damaged = bytearray((home / "kit.zip").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (home / "kit.zip").write_bytes(damaged)
    done = there("/root/kit/station/bin/edgeall-kit", "install", "/root/kit/kit.zip")
    assert done.returncode == 1
    assert "changed" in done.stderr
    assert there("/root/kit/station/bin/edgeall-kit", "status").returncode == 0
