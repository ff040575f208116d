"""A device is a TOML file; a mistake in one names the key and what it may be."""

import tomllib
from pathlib import Path

import pytest

from edgeall import config_files
from edgeall.errors import UsageError
from edgeall.measuring.plan import ALL_CORES, QUICK, BenchSettings
from edgeall.targets import (
    TARGETS,
    Address,
    Board,
    all_profiles,
    load_profile,
    open_target,
    parse_threads,
    read_profile,
)
from edgeall.targets.profile import REACHES, Limits


def written(folder: Path, text: str, name: str = "mine") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def test_this_machine_ships_as_laptop() -> None:
    profile = load_profile("laptop")
    assert (profile.name, profile.reach) == ("laptop", "local")
    assert profile.formats == ("tflite", "onnx", "openvino")
    assert profile.threads == (1, ALL_CORES)
    assert open_target(profile).unreachable() is None


def test_the_template_is_no_device_but_would_be_one() -> None:
    assert "template" not in [profile.name for profile in all_profiles()]
    template = read_profile(config_files.folder("devices") / "template.toml")
    assert template.limits == Limits(90.0, 1800.0, 150.0)


def test_the_template_shows_the_defaults(tmp_path: Path) -> None:
    shown = tomllib.loads((config_files.folder("devices") / "template.toml").read_text())
    del shown["limits"]["temperature_celsius"]  # said to have none when left out
    least = read_profile(written(tmp_path, 'reach = "local"'))
    assert shown["limits"] == {
        "pass_seconds": least.limits.pass_seconds,
        "max_seconds": least.limits.max_seconds,
    }
    assert tuple(shown["formats"]) == least.formats
    assert parse_threads(shown["threads"]) == least.threads


def test_every_way_of_reaching_has_a_target() -> None:
    assert set(REACHES) == set(TARGETS)


def test_a_users_own_file_adds_a_device_and_wins_over_a_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    written(tmp_path / "edgeall" / "devices", 'reach = "local"\nthreads = [2]', "bench-pc")
    written(tmp_path / "edgeall" / "devices", 'reach = "local"\nnotes = "mine"', "laptop")
    notes = {profile.name: profile.notes for profile in all_profiles()}
    assert (notes["bench-pc"], notes["laptop"]) == ("", "mine")


def test_a_device_can_be_named_by_its_file(tmp_path: Path) -> None:
    assert load_profile(str(written(tmp_path, 'reach = "local"'))).name == "mine"


def test_a_boards_file_says_where_it_is_and_how_it_is_made_ready(tmp_path: Path) -> None:
    text = """
        reach = "ssh"
        host = ["board.local", "lab@10.0.0.7:2222", "[fe80::1]:22"]
        user = "pi"
        port = 2200
        python = "/opt/python/bin/python3"
        folder = "/data/edgeall"
        packages = "own"
        ssh_config = "board.ssh"
        models = "Raspberry Pi 5"
        versions.openvino = "2025.4.1"
    """
    profile = read_profile(written(tmp_path, text))
    assert profile.board == Board(
        addresses=(
            Address("board.local", "pi", 2200),
            Address("10.0.0.7", "lab", 2222),
            Address("fe80::1", "pi", 22),
        ),
        python="/opt/python/bin/python3",
        folder="/data/edgeall",
        packages="own",
        versions={"openvino": "2025.4.1"},
        ssh_config=tmp_path / "board.ssh",
    )
    assert profile.models == ("Raspberry Pi 5",)


def test_another_host_is_another_board_with_results_of_its_own() -> None:
    moved = load_profile("rpi5").at(Address.parse("me@10.0.0.7:2222"))
    assert moved.name == "rpi5-10.0.0.7-2222"
    assert moved.board is not None
    assert moved.board.addresses == (Address("10.0.0.7", "me", 2222),)
    with pytest.raises(UsageError, match="laptop is this machine"):
        load_profile("laptop").at(Address("pi"))


@pytest.mark.parametrize("name", ["rpi", "rpi4", "rpi5"])
def test_raspberry_pis_ship(name: str) -> None:
    profile = load_profile(name)
    assert profile.reach == "ssh"
    assert profile.limits.temperature_celsius is not None
    assert all(load_profile(kind).models for kind in profile.finds)


def test_a_mistyped_device_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'laptop'"):
        load_profile("labtop")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["reach", "local"]),
        ('reach = "pigeon"', ["reach", "local"]),
        ('reach = ["local"]', ["reach"]),
        ('reach = "local"\nthread = [1]', ["'thread'", "did you mean 'threads'"]),
        ('reach = "local"\nthreads = [0]', ["threads", "1 to 1024", "all"]),
        ('reach = "local"\nthreads = ["some"]', ["threads", "all"]),
        ('reach = "local"\nthreads = []', ["threads"]),
        (f'reach = "local"\nthreads = "{"9" * 5000}"', ["threads", "1 to 1024"]),
        (f'reach = "local"\nbatches = "{"9" * 5000}"', ["batches"]),
        ('reach = "local"\nthreads = [true]', ["threads"]),
        ('reach = "local"\nformats = ["tflight"]', ["formats", "did you mean 'tflite'"]),
        ('reach = "local"\nformats = []', ["formats"]),
        ('reach = "local"\nformats = "tflite"', ["formats"]),
        ('reach = "local"\nlimits = 3', ["limits", "`object`"]),
        ('reach = "local"\nlimits.pass_second = 3', ["limits.pass_second", "limits.pass_seconds"]),
        ('reach = "local"\nlimits.max_seconds = -1', ["limits.max_seconds", "> 0"]),
        ('reach = "local"\nlimits.max_seconds = nan', ["limits.max_seconds", "finite number"]),
        ('reach = "local"\nnotes = 3', ["notes", "`str`"]),
        ('reach = "local"\nhost = "pi"', ["'host'"]),
        ('reach = "ssh"\nhost = ["-oProxyCommand=x"]', ["host", "[user@]host[:port]"]),
        ('reach = "ssh"\nhost = 3', ["host", "`str | array`"]),
        ('reach = "ssh"\nport = "22"', ["port", "`int | null`"]),
        ('reach = "ssh"\nhost = "pi"\nport = 70000', ["port", "65535"]),
        ('reach = "ssh"\npython = ""', ["python", "`str` of length >= 1"]),
        ('reach = "ssh"\nssh_config = "~no-such-user/x"', ["ssh_config", "home directory"]),
        ('reach = "ssh"\npackages = "mine"', ["packages", "pushed"]),
        ('reach = "ssh"\nversions.openvino = 2025', ["versions", "`str`"]),
        ('reach = "ssh"\nversions.openvino = "1 --pre"', ["versions.openvino", "2025.4.1"]),
        ('reach = "local"\nnotes = "a\\u0007"', ["notes", "printable"]),
        ('reach = "ssh"\nversions = {"--pre" = "1"}', ["versions.--pre"]),
        ("reach = ", ["mine.toml", "not a device profile"]),
    ],
)
def test_a_mistake_is_named_with_its_file_and_what_may_stand_there(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(UsageError) as raised:
        read_profile(written(tmp_path, text))
    for word in ["mine.toml", *words]:
        assert word in str(raised.value)


def test_a_profile_sets_threads_and_limits_and_leaves_the_rest(tmp_path: Path) -> None:
    text = 'reach = "local"\nthreads = [4, "all"]\n[limits]\ntemperature_celsius = 70\nmax_seconds = 20'
    assert read_profile(written(tmp_path, text)).settings(QUICK) == BenchSettings(
        rounds=QUICK.rounds, threads=(4, ALL_CORES), max_seconds=20, max_temperature_c=70
    )
