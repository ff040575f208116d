"""What travels to a board: code without the workstation's rooms, and wheels by platform tags."""

import ast
import io
import re
import zipfile
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename

from edgeall.errors import UsageError
from edgeall.station.launchers import launcher
from edgeall.targets import connection, field_tier
from edgeall.targets.address import Address
from edgeall.targets.connection import BoardInfo
from edgeall.targets.ssh_errors import Dropped, explain
from edgeall.targets.uploads import Upload
from edgeall.targets.wheels import Platform

BOOKWORM = BoardInfo((3, 11, 2), 64, "aarch64", "Linux", ("glibc", "2.36"))


def test_the_code_is_the_field_tier_and_the_same_each_time() -> None:
    parcel = field_tier.code()
    assert parcel == field_tier.code()
    assert isinstance(parcel.source, bytes)
    names = zipfile.ZipFile(io.BytesIO(parcel.source)).namelist()
    for needed in ("edgeall/measuring/runner.py", "edgeall/runtimes/tflite.py", "edgeall/cli/classify.py"):
        assert needed in names
    rooms = {name.split("/")[1] for name in names}
    assert not rooms & field_tier.WORKSTATION_ROOMS
    assert parcel.size < 1_000_000


@pytest.mark.parametrize(
    "wheel",
    [
        "numpy-2.4.6-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        "openvino-2026.4.1-22982-cp311-cp311-manylinux_2_35_aarch64.whl",
        "protobuf-7.36.2-cp310-abi3-manylinux2014_aarch64.whl",
    ],
)
def test_wheels_for_bookworm_on_arm_run_there(wheel: str) -> None:
    tags = {tag.platform for tag in parse_wheel_filename(wheel)[3]}
    assert tags & set(Platform.of_board(BOOKWORM).tags)


@pytest.mark.parametrize("tag", ["manylinux_2_39_aarch64", "manylinux_2_28_x86_64", "manylinux_2_28_armv7l"])
def test_others_do_not(tag: str) -> None:
    assert tag not in Platform.of_board(BOOKWORM).tags


def test_the_launcher_quotes_what_it_is_given() -> None:
    script = launcher("/home/pi/a b", "/opt/py thon", ["one", "two"], isolated=True)
    assert script.splitlines()[1] == (
        "PYTHONNOUSERSITE=1 PYTHONPATH='/home/pi/a b/one:/home/pi/a b/two' exec '/opt/py thon' -P -m edgeall \"$@\""
    )


def test_any_python_3_reads_the_first_words_to_it() -> None:
    ast.parse(connection._BOOT, feature_version=(3, 4))


def test_a_file_that_shrinks_while_it_is_sent_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"12345")
    parcel = Upload.of_file(file, "a")
    assert b"".join(parcel.chunks()) == b"12345"
    file.write_bytes(b"123")
    with pytest.raises(UsageError, match="shorter"):
        list(parcel.chunks())
    file.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        list(parcel.chunks())


@pytest.mark.parametrize(
    ("status", "complaint", "words", "passing"),
    [
        (
            255,
            "ssh: Could not resolve hostname pi: Name or service not known",
            "the host name is not known",
            True,
        ),
        (255, "ssh: connect to host pi port 22: Connection timed out", "is the board on", True),
        (255, "ssh: connect to host pi port 22: No route to host", "is the board on", True),
        (255, "client_loop: send disconnect: Broken pipe", "connection was lost", True),
        (255, "", "connection was lost", True),
        (255, "/x/ssh.conf: line 3: Bad configuration option: hots", "has an error", False),
        (137, "", "out of memory?", False),
        (1, "edgeall: some words", "some words", False),
    ],
)
def test_each_failure_of_ssh_has_its_words(status: int, complaint: str, words: str, passing: bool) -> None:
    error = explain(Address("pi"), status, complaint)
    assert words in str(error)
    assert str(error).startswith("pi: ")
    assert isinstance(error, Dropped) == passing


def test_the_rooms_that_stay_behind_are_those_of_the_workstation() -> None:
    """As ARCHITECTURE.md lists them."""
    table = (Path(__file__).resolve().parents[2] / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = set(re.findall(r"^\| `edgeall/(\w+)/` \| workstation \|", table, re.MULTILINE))
    assert rooms == field_tier.WORKSTATION_ROOMS
