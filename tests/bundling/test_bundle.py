"""A real kit for this machine: made from an artifact and real wheels, installed with Python alone, without a network.

Skipped where no package index can be reached and the wheels are not in the cache.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from small_kits import KeyPair, key_pair, run
from small_models import SmallModel

pytest.importorskip("cryptography", reason="kits are made on a workstation")

from edgeall.artifact import Artifact
from edgeall.bundling import Bundled, bundle, verify_kit
from edgeall.bundling.signing import sign_kit
from edgeall.errors import DeviceError, UsageError
from edgeall.field import Classified, classify
from edgeall.targets import load_profile, read_profile
from edgeall.targets.profile import Profile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the laptop's kits are for Linux")

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def sealed(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny.sealed("tflite-int8", tmp_path_factory.mktemp("artifact"), "tiny")


def made(artifact: Artifact, profile: Profile, out: Path, **options: object) -> Bundled:
    try:
        return bundle(artifact.path, profile, out, **options)  # type: ignore[arg-type]
    except DeviceError as error:
        pytest.skip(f"no wheels: {error}")


@pytest.fixture(scope="module")
def kit(sealed: Artifact, lab: KeyPair, tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    profile = load_profile("laptop")
    return made(sealed, profile, tmp_path_factory.mktemp("kit") / "kit.zip", key=lab.key)


@pytest.fixture(scope="module")
def bare() -> Path:
    """A Python without site packages: the one below this environment."""
    return Path(sys.base_prefix) / "bin" / f"python{OWN}"


def offline(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command without any network, where this system lets one be taken away."""
    cut = ["unshare", "-rn"] if run("unshare", "-rn", "true").returncode == 0 else []
    return run(*cut, *command, **environment)


@pytest.fixture(scope="module")
def station(
    kit: Bundled, lab: KeyPair, bare: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("bare")
    shutil.copy(kit.path, folder / "carried.zip")
    shutil.copy(lab.public, folder / "lab.pub")
    done = offline(
        *(bare, "-I", folder / "carried.zip", "install", "--to", folder / "station"),
        *("--key", folder / "lab.pub"),
    )
    assert done.returncode == 0, done.stderr
    yield folder / "station"
    shutil.rmtree(folder)


def test_a_station_classifies_as_the_workstation_does_to_the_bit(
    station: Path, sealed: Artifact, tiny: SmallModel, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index, pixels in enumerate(tiny.images):
        image = Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC)
        image.save(pictures / f"cell{index:02}.{'jpg' if index % 2 else 'png'}")
    done = offline(station / "bin" / "edgeall", "classify", "--json", pictures, HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    there = {Path(row["path"]).name: row["score"] for row in map(json.loads, done.stdout.splitlines())}
    here = {
        Path(each.path).name: each.to_dict()["score"]
        for each in classify(sealed, [pictures])
        if isinstance(each, Classified)
    }
    assert len(here) == len(tiny.images)
    assert there == here


def test_a_station_has_every_field_command_and_no_workstations(station: Path, sealed: Artifact) -> None:
    command = station / "bin" / "edgeall"
    for arguments in (["--help"], ["devices", "--help"], ["inspect", str(sealed.path)]):
        done = run(command, *arguments)
        assert done.returncode == 0, done.stderr
    done = run(command, "bundle", "x", "--device", "rpi5", "-o", "y.zip")
    assert done.returncode == 2
    assert (
        done.stderr
        == "edgeall: bundle is a command of the workstation, and this is a device's copy of edgeall\n"
    )


def test_the_files_of_a_station_are_checked(station: Path) -> None:
    done = run(station / "bin" / "edgeall-kit", "check")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 500


def test_equal_input_gives_an_equal_kit(kit: Bundled, sealed: Artifact, lab: KeyPair, tmp_path: Path) -> None:
    again = made(sealed, load_profile("laptop"), tmp_path / "again.zip", key=lab.key)
    assert again.path.read_bytes() == kit.path.read_bytes()
    assert (again.id, again.parts, again.signed_by) == (kit.id, kit.parts, kit.signed_by)
    later = made(sealed, load_profile("laptop"), tmp_path / "later.zip")
    assert later.signed_by is None
    sign_kit(later.path, lab.key)
    assert later.path.read_bytes() == kit.path.read_bytes()


def test_a_kit_holds_what_it_must_and_no_private_key(
    kit: Bundled, lab: KeyPair, sealed: Artifact, tmp_path: Path
) -> None:
    shutil.unpack_archive(kit.path, tmp_path)
    found = verify_kit(tmp_path, lab.key.public)
    manifest = found.manifest
    assert manifest["schema"] == 1
    assert manifest["model"] == {
        "file": "model/tiny.tflite",
        "sha256": sealed.sha256,
        "format": "tflite",
        "precision": "int8",
    }
    (environment,) = manifest["environments"]
    assert (environment["python"], environment["system"]) == (OWN, "Linux")
    assert environment["bytes"] > sum((tmp_path / name).stat().st_size for name in environment["wheels"])
    bodies = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"PRIVATE KEY-----" in body for body in bodies)
    secret = lab.private.read_text().split("\n")[1].encode()
    assert not any(secret in body for body in bodies)
    for name in ("units/edgeall-watch.service", "units/edgeall-serve.service", "README.txt", "model-card.md"):
        assert name in found.digests
    own = str(Path(__file__).resolve().parents[2]).encode()
    assert not any(own in body for body in bodies), "a kit names no path of the machine that made it"


def test_every_wheel_has_its_licence_and_its_line_in_the_bill_of_materials(
    kit: Bundled, tmp_path: Path
) -> None:
    shutil.unpack_archive(kit.path, tmp_path)
    listed = (tmp_path / "licences" / "LIST.txt").read_text().splitlines()
    wheels = sorted(path.name for path in (tmp_path / "wheels").iterdir())
    assert len(listed) == len(wheels) + 2
    assert not [line for line in listed if "not declared" in line]
    folders = {path.name for path in (tmp_path / "licences").iterdir() if path.is_dir()}
    assert {re.split(r"-\d", folder)[0] for folder in folders} >= {"edgeall", "numpy", "pillow", "msgspec"}
    assert "Apache License" in next((tmp_path / "licences").glob("edgeall-*/LICENSE")).read_text()
    document = json.loads((tmp_path / "sbom.cdx.json").read_text())
    kinds = [component["type"] for component in document["components"]]
    assert kinds.count("machine-learning-model") == 1
    assert kinds.count("library") == len(wheels)
    digests = verify_kit(tmp_path).digests
    for component in document["components"]:
        if component["type"] == "library":
            name = component["purl"].partition("file_name=")[2]
            assert component["hashes"] == [{"alg": "SHA-256", "content": digests[f"wheels/{name}"]}]


def test_the_bill_of_materials_is_valid_cyclonedx(kit: Bundled, tmp_path: Path) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json")
    from cyclonedx.schema import SchemaVersion

    shutil.unpack_archive(kit.path, tmp_path)
    text = (tmp_path / "sbom.cdx.json").read_text()
    try:
        assert validation.JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    except validation.MissingOptionalDependencyException:
        pytest.skip("needs cyclonedx-python-lib[json-validation]")


def test_what_does_not_run_on_a_device_is_refused(tiny: SmallModel, tmp_path: Path) -> None:
    openvino = tiny.sealed("openvino-int8", tmp_path)
    out = tmp_path / "kit.zip"
    for device in ("rpi4", "rpi4-emulated"):
        with pytest.raises(UsageError, match=rf"does not run on {device}: .*Cortex-A72.*take TFLite or ONNX"):
            bundle(openvino.path, load_profile(device), out)
    for device, words in (
        ("rpi", "name the kind of board, rpi4 or rpi5"),
        ("gpu", r"its profile has no \[kit\]"),
    ):
        with pytest.raises(UsageError, match=words):
            bundle(openvino.path, load_profile(device), out)
    profile = tmp_path / "old-pi.toml"
    profile.write_text('reach = "kit"\nformats = ["tflite"]\n[kit]\nmachine = "aarch64"\nglibc = "2.31"\n')
    with pytest.raises(UsageError, match="device old-pi runs tflite, and not openvino"):
        bundle(openvino.path, read_profile(profile), out)
    tflite = tiny.sealed("tflite-int8", tmp_path)
    with pytest.raises(UsageError, match=r"does not run on old-pi: ai-edge-litert .* needs glibc 2.34"):
        bundle(tflite.path, read_profile(profile), out)
    assert not out.exists()


@pytest.mark.parametrize("stem", ["a:b", "what?", "a\nb", "nul"])
def test_a_name_that_is_no_file_everywhere_is_refused(tiny: SmallModel, tmp_path: Path, stem: str) -> None:
    sealed = tiny.sealed("tflite-int8", tmp_path, stem)
    with pytest.raises(UsageError, match="rename it"):
        bundle(sealed.path, load_profile("laptop"), tmp_path / "kit.zip")


def test_other_names_are_kept(tiny: SmallModel, lab: KeyPair, tmp_path: Path) -> None:
    sealed = tiny.sealed("tflite-int8", tmp_path, "Zellen (ä) 100% 'neu'")
    for name in ("kit.zip", "kit.tar.zst"):
        built = made(sealed, load_profile("laptop"), tmp_path / name, key=lab.key)
        assert verify_kit(built.path, lab.key.public).manifest["model"]["file"] == f"model/{sealed.path.name}"
        assert re.fullmatch(r"[A-Za-z0-9_-]+", built.id)


@pytest.mark.parametrize("python", ["2.7", "3.9", "3", "three", "3.11; rm"])
def test_a_python_that_edgeall_does_not_run_on_is_refused(
    sealed: Artifact, tmp_path: Path, python: str
) -> None:
    with pytest.raises(UsageError, match=r"no version of Python from 3.11"):
        bundle(sealed.path, load_profile("laptop"), tmp_path / "kit.zip", pythons=[python])


def test_nothing_is_overwritten_and_other_archives_are_not_made(sealed: Artifact, tmp_path: Path) -> None:
    (tmp_path / "kit.zip").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        bundle(sealed.path, load_profile("laptop"), tmp_path / "kit.zip")
    for name in ("kit", "kit.tar.gz", "kit.tar", ".zip", "kit.zip.bak"):
        with pytest.raises(UsageError, match=r"ends with .zip or .tar.zst"):
            bundle(sealed.path, load_profile("laptop"), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["kit.zip"]


@pytest.mark.parametrize("device", ["rpi4", "rpi5", "laptop", "windows"])
def test_kits_for_every_device_are_made_from_wheels_for_it(
    sealed: Artifact, tmp_path: Path, device: str
) -> None:
    built = made(sealed, load_profile(device), tmp_path / "kit.zip")
    shutil.unpack_archive(built.path, tmp_path / "kit")
    tags = {"rpi4": "aarch64", "rpi5": "aarch64", "laptop": "x86_64", "windows": "win_amd64"}
    for path in (tmp_path / "kit" / "wheels").iterdir():
        assert path.name.endswith("-none-any.whl") or tags[device] in path.name
    manifest = json.loads((tmp_path / "kit" / "kit.json").read_text())
    for environment in manifest["environments"]:
        compact = environment["python"].replace(".", "")
        engines = [name for name in environment["wheels"] if "ai_edge_litert" in name]
        assert len(engines) == 1
        assert f"cp{compact}" in engines[0]
    assert len(manifest["environments"]) == len(built.pythons)
    # With a model of 2.7 MB in the place of this one, no kit is larger than 80 MB.
    assert built.size_bytes < 77_200_000
