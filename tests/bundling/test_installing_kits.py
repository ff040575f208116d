"""A station has one kit or another, and never a part of one: installed, updated, rolled back, interrupted."""

import ast
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from small_kits import KeyPair, contents, key_pair, packed, program, run, says, small_kit

from edgeall.bundling.guide import BOOTSTRAP
from edgeall.bundling.signing import write_kit
from edgeall.station import installing
from edgeall.station.errors import KitError
from edgeall.station.installing import Station, check, install, roll_back

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="a station's scripts are run by a POSIX shell here"
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def station(tmp_path: Path) -> Path:
    return tmp_path / 'a station 100% "there\'s" $HOME'


def silent(text: str) -> None:
    """Takes what an installation says."""


def test_a_kit_is_installed_by_itself(tmp_path: Path, station: Path, lab: KeyPair) -> None:
    kit = small_kit(tmp_path / "kit.zip", key=lab.key)
    done = program(kit, "install", "--to", station, "--key", lab.public)
    assert done.returncode == 0, done.stderr
    assert says(station, "watch", "a b").startswith("first ")
    model = says(station, "x").removeprefix("first ").removesuffix(" x")
    assert Path(model).read_text() == "first 0"
    assert "research use only" in done.stdout
    verified = run(station / "bin" / "edgeall-kit", "verify", kit)
    assert verified.returncode == 0, verified.stderr


def test_a_disk_that_takes_no_more_is_told_as_that_and_leaves_nothing(tmp_path: Path, station: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits of file sizes are those of Unix")
    kit = small_kit(tmp_path / "kit.zip")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", kit, "install", "--to", station],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    why = "cannot be written (File too large); make room, or give another --to"
    assert done.stderr == f"edgeall-kit: {station}: {why}\n"
    assert not list((station / "kits").iterdir())


def test_any_python_3_reads_the_first_words_to_it() -> None:
    ast.parse(BOOTSTRAP, feature_version=(3, 4))


@pytest.mark.parametrize("form", ["kit.zip", "unpacked"])
def test_verifying_leaves_a_kit_as_it_is(tmp_path: Path, form: str) -> None:
    kit = small_kit(tmp_path / "kit.zip")
    if form == "unpacked":
        shutil.unpack_archive(kit, tmp_path / "unpacked")
        kit = tmp_path / "unpacked"
    for _ in range(2):
        done = run(sys.executable, kit, "verify")
        assert done.returncode == 0, done.stderr


def test_an_unpacked_tar_installs_too(tmp_path: Path, station: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    kit = small_kit(tmp_path / "kit.tar.zst")
    plain = tmp_path / "kit.tar"
    plain.write_bytes(zstandard.ZstdDecompressor().decompressobj().decompress(kit.read_bytes()))
    shutil.unpack_archive(plain, tmp_path / "unpacked")
    done = program(tmp_path / "unpacked" / "small", "install", "--to", station)
    assert done.returncode == 0, done.stderr
    assert says(station, "x").startswith("first ")


def test_update_and_roll_back_switch_between_two_kits(tmp_path: Path, station: Path) -> None:
    kits = [small_kit(tmp_path / f"{word}.zip", word) for word in ("first", "second", "third")]
    for kit in kits:
        install(kit, station, say=silent)
    assert says(station, "x").startswith("third ")
    assert len(list((station / "kits").iterdir())) == 2
    assert roll_back(station).before is not None
    assert says(station, "x").startswith("second ")
    done = run(station / "bin" / "edgeall-kit", "rollback")
    assert done.returncode == 0, done.stderr
    assert says(station, "x").startswith("third ")
    assert install(kits[2], station, say=silent) == Station.at(station)
    assert roll_back(station).current != roll_back(station).current


def test_a_first_kit_has_none_before_it(tmp_path: Path, station: Path) -> None:
    with pytest.raises(KitError, match="no kit before"):
        roll_back(station)
    install(small_kit(tmp_path / "kit.zip"), station, say=silent)
    with pytest.raises(KitError, match="no kit before"):
        roll_back(station)
    install(small_kit(tmp_path / "kit.zip"), station, say=silent)
    assert Station.at(station).before is None


def test_a_kit_whose_model_answers_wrongly_is_not_switched_to(tmp_path: Path, station: Path) -> None:
    first = install(small_kit(tmp_path / "first.zip"), station, say=silent)
    with pytest.raises(KitError, match="does not answer here as it must: asked to end so") as refused:
        install(small_kit(tmp_path / "bad.zip", "bad", status=2), station, say=silent)
    assert refused.value.status == 1
    assert Station.at(station) == first
    assert [path.name for path in (station / "kits").iterdir()] == [first.current]
    said: list[str] = []
    install(small_kit(tmp_path / "unknown.zip", "unknown", status=1), station, say=said.append)
    assert said[-1] == "not checked: asked to end so"
    assert says(station, "x").startswith("unknown ")


def test_a_kit_whose_programs_do_not_start_is_not_switched_to(tmp_path: Path, station: Path) -> None:
    """A traceback ends with status 1, as a model without golden answers does."""
    first = install(small_kit(tmp_path / "first.zip"), station, say=silent)
    fails = "raise RuntimeError('NumPy was built with baseline optimizations:\\n(X86_V2)')"
    code = packed({"edgeall/__init__.py": "", "edgeall/__main__.py": fails})
    write_kit(tmp_path / "second.zip", "small", contents("second") | {"code/edgeall.zip": code}, None)
    words = r"the kit's programs do not run here: RuntimeError: NumPy was built .*: \(X86_V2\)$"
    with pytest.raises(KitError, match=words) as refused:
        install(tmp_path / "second.zip", station, say=silent)
    assert refused.value.status == 1
    assert Station.at(station) == first
    assert [path.name for path in (station / "kits").iterdir()] == [first.current]


def test_a_kit_whose_model_never_answers_is_not_switched_to(
    tmp_path: Path, station: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is zero here, which every program passes."""
    monkeypatch.setattr(installing, "_TRY_SECONDS", 0)
    with pytest.raises(KitError, match="does not answer here within") as refused:
        install(small_kit(tmp_path / "kit.zip"), station, say=silent)
    assert refused.value.status == 1
    assert Station.at(station).current is None
    assert list((station / "kits").iterdir()) == []


def test_later_kits_are_signed_by_the_key_of_the_first(tmp_path: Path, station: Path, lab: KeyPair) -> None:
    other = key_pair(tmp_path, "other")
    install(small_kit(tmp_path / "0.zip", "unsigned"), station, say=silent)
    first = install(small_kit(tmp_path / "1.zip", key=lab.key), station, say=silent)
    for name, key in (("unsigned", None), ("foreign", other.key)):
        with pytest.raises(KitError, match=r"not signed|signed by another key"):
            install(small_kit(tmp_path / f"{name}.zip", name, key), station, say=silent)
    assert Station.at(station) == first
    install(small_kit(tmp_path / "2.zip", "second", lab.key), station, say=silent)
    install(small_kit(tmp_path / "3.zip", "third", other.key), station, other.key.public, silent)
    install(small_kit(tmp_path / "4.zip", "fourth", other.key), station, say=silent)
    assert says(station, "x").startswith("fourth ")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"python": "3.99"}, r"this kit is for Python 3.99 on .*edgeall bundle --python 3"),
        ({"machine": "riscv64"}, "on Linux riscv64; here is"),
        ({"system": "Windows"}, "on Windows"),
        ({"glibc": "9.99"}, r"needs glibc 9.99 or newer, and here is glibc 2"),
    ],
)
def test_a_kit_for_another_machine_says_so(
    tmp_path: Path, station: Path, changes: dict[str, str], words: str
) -> None:
    if "glibc" in changes and sys.platform != "linux":
        pytest.skip("needs glibc")
    with pytest.raises(KitError, match=words):
        install(small_kit(tmp_path / "kit.zip", **changes), station, say=silent)
    assert list((station / "kits").iterdir()) == []
    assert Station.at(station).current is None


def test_hostile_wheels_in_a_sound_kit_are_refused(tmp_path: Path, station: Path) -> None:
    import zipfile
    from io import BytesIO

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../../evil.py", "")
    files = contents() | {"wheels/word-1-py3-none-any.whl": buffer.getvalue()}
    write_kit(tmp_path / "kit.zip", "small", files, None)
    with pytest.raises(KitError, match="not a place inside"):
        install(tmp_path / "kit.zip", station, say=silent)
    assert not list(tmp_path.rglob("evil.py"))
    assert list((station / "kits").iterdir()) == []


@pytest.mark.parametrize("place", ["../../etc/passwd", "/etc/passwd", "wheels/../../x", "absent.whl"])
def test_a_manifest_that_names_other_places_is_refused(tmp_path: Path, station: Path, place: str) -> None:
    files = contents()
    manifest = json.loads(bytes(files["kit.json"]) if isinstance(files["kit.json"], bytes) else b"")
    for change in (
        {"code": place},
        {"model": {"file": place}},
        {"environments": [manifest["environments"][0] | {"wheels": [place]}]},
    ):
        write_kit_unchecked = files | {"kit.json": json.dumps(manifest | change).encode()}
        with pytest.raises(Exception, match="which the kit does not have") as refused:
            write_kit(tmp_path / "kit.zip", "small", write_kit_unchecked, None)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("glibc", ["9" * 5000, "2." + "9" * 5000, "2", "new"])
def test_a_manifest_with_a_c_library_of_no_version_is_refused(
    tmp_path: Path, station: Path, glibc: str
) -> None:
    with pytest.raises(Exception, match=r"kit\.json is damaged") as refused:
        install(small_kit(tmp_path / "kit.zip", glibc=glibc), station, say=silent)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("verb", ["status", "check", "rollback"])
def test_a_station_in_no_ones_home_is_told_as_that(tmp_path: Path, verb: str) -> None:
    done = program(small_kit(tmp_path / "kit.zip"), verb, "--to", "~no-such-user/station")
    assert done.returncode == 2
    assert done.stderr.startswith("edgeall-kit: ~no-such-user/station: ")
    assert done.stderr.endswith("; give another --to\n")
    assert done.stderr.count("\n") == 1


def test_files_that_change_after_the_installation_are_found(tmp_path: Path, station: Path) -> None:
    installed = install(small_kit(tmp_path / "kit.zip"), station, say=silent)
    assert check(station) > 5
    says(station, "x")  # leaves bytecode, which is no damage
    assert check(station) > 5
    assert installed.current is not None
    (installed.kit(installed.current) / "packages" / "word.py").write_text("WORD = 'frist'")
    with pytest.raises(KitError, match=r"1 files were changed or added, packages/word.py among them"):
        check(station)
    done = run(station / "bin" / "edgeall-kit", "check")
    assert done.returncode == 1
    again = install(tmp_path / "kit.zip", station, say=silent)
    assert check(station) > 5
    assert again.before is None
    assert [path.name for path in (station / "kits").iterdir()] == [again.current]
    assert says(station, "x").startswith("first ")


def test_a_file_that_is_added_to_an_installed_kit_is_found(tmp_path: Path, station: Path) -> None:
    """Python would run this one at each start."""
    installed = install(small_kit(tmp_path / "kit.zip"), station, say=silent)
    assert installed.current is not None
    (installed.kit(installed.current) / "packages" / "sitecustomize.py").write_text("print('here')")
    with pytest.raises(
        KitError, match=r"1 files were changed or added, packages/sitecustomize.py among them"
    ):
        check(station)
    install(tmp_path / "kit.zip", station, say=silent)
    assert check(station) > 5
    assert says(station, "x").startswith("first ")


def test_a_service_is_a_unit_of_the_user_and_only_when_asked(tmp_path: Path, station: Path) -> None:
    """systemctl is a mock here: no systemd runs for the user of a test."""
    tools, config, pictures = tmp_path / "tools", tmp_path / "config", tmp_path / "new pictures"
    tools.mkdir()
    pictures.mkdir()
    (tools / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>"{tmp_path}/asked"\n')
    (tools / "systemctl").chmod(0o755)
    install(small_kit(tmp_path / "kit.zip"), station, say=silent)
    assert not config.exists()
    command = station / "bin" / "edgeall-kit"
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "XDG_CONFIG_HOME": str(config)}
    done = run(command, "service", "watch", pictures, **environment)
    assert done.returncode == 0, done.stderr
    text = (config / "systemd" / "user" / "edgeall-watch.service").read_text()
    assert f'watch "{pictures}"' in text
    assert (tmp_path / "asked").read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now edgeall-watch.service",
    ]
    (tools / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    done = run(command, "service", "serve", **environment)
    assert done.returncode == 0
    assert "systemctl --user enable --now edgeall-serve.service" in done.stdout
    for wrong, words in ((("watch",), "which folder"), (("serve", pictures), "takes no folder")):
        done = run(command, "service", *wrong, **environment)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert words in done.stderr
    assert run(command, "service", "watch", tmp_path / "absent", **environment).returncode == 2


def test_a_full_disk_leaves_the_kit_before(
    tmp_path: Path, station: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = install(small_kit(tmp_path / "first.zip"), station, say=silent)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(installing.shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(KitError, match="1 MB are free; make room"):
        install(small_kit(tmp_path / "second.zip", "second"), station, say=silent)
    assert Station.at(station) == first
    assert says(station, "x").startswith("first ")


@pytest.mark.skipif(
    not Path("/dev/full").exists() or os.geteuid() != 0, reason="needs root to mount a small disk"
)
def test_a_disk_that_fills_up_leaves_the_kit_before(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    big = contents("second") | {"filler": os.urandom(23_500_000)}
    write_kit(tmp_path / "second.zip", "small", big, None)
    small_kit(tmp_path / "first.zip")
    script = (
        'mount -t tmpfs -o size=24m none "$1" && "$2" "$3" install --to "$1/s" && '
        '! "$2" "$4" install --to "$1/s" && "$1/s/bin/edgeall" x && ls -A "$1/s/kits" | wc -l'
    )
    done = subprocess.run(
        [
            *("unshare", "-rm", "sh", "-c", script, "sh", place, sys.executable),
            *(tmp_path / "first.zip", tmp_path / "second.zip"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1
    assert "make room" in done.stderr
    *_, answer, kits = done.stdout.splitlines()
    assert answer.startswith("first ")
    assert kits == "1"


def test_two_installations_do_not_meet(tmp_path: Path, station: Path) -> None:
    kit = small_kit(tmp_path / "kit.zip")

    def second(text: str) -> None:
        with pytest.raises(KitError, match="another installation is at work"):
            install(kit, station, say=silent)
        said.append(text)

    said: list[str] = []
    install(kit, station, say=second)
    assert said


@pytest.mark.parametrize("text", ["", "\n", "../../etc\n", "absent\nabsent\n", "\xff", "a/b\n\n"])
def test_a_damaged_list_of_kits_is_no_kit(tmp_path: Path, text: str) -> None:
    (tmp_path / "kits").mkdir()
    (tmp_path / "current").write_bytes(text.encode("latin-1"))
    assert Station.at(tmp_path) == Station(tmp_path, None, None)


def traced(act: Callable[[], object], at: Callable[[int], object]) -> None:
    """Run `act`, with `at` called before each line of an installation, with the line's number in its file."""

    def trace(frame: FrameType, event: str, _: object) -> object:
        if frame.f_code.co_filename != installing.__file__:
            return None
        if event == "line":
            at(frame.f_lineno)
        return trace

    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(None)


def steps_of(act: Callable[[], object]) -> list[int]:
    """Where to stop `act`: the first and the last time that each of its lines is run."""
    lines: list[int] = []
    traced(act, lines.append)
    first = {line: step for step, line in reversed(list(enumerate(lines)))}
    last = {line: step for step, line in enumerate(lines)}
    return sorted({*first.values(), *last.values()})


def stop(act: Callable[[], object], step: int) -> None:
    """Run `act` in a child that is killed at this step."""
    child = os.fork()
    if child:
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
        return
    lines = itertools.count()
    try:
        traced(act, lambda line: next(lines) == step and os.kill(os.getpid(), signal.SIGKILL))
    finally:
        os._exit(0)


@pytest.fixture
def unflushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed process wrote is in the system's memory: no test of it needs the disk."""
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.mark.usefixtures("unflushed")
def test_an_installation_that_is_killed_at_any_line_leaves_one_kit_or_the_other(tmp_path: Path) -> None:
    station, before = tmp_path / "station", tmp_path / "before"
    kits = {word: small_kit(tmp_path / f"{word}.zip", word) for word in ("first", "second", "third")}
    install(kits["first"], station, say=silent)
    install(kits["second"], station, say=silent)
    # The launchers name their own folder: the station stays where it is, and its content is put back.
    shutil.copytree(station, before)

    def update() -> None:
        install(kits["third"], station, say=silent)

    steps = steps_of(update)
    assert len(steps) > 100
    seen = {"second": 0, "third": 0}
    for step in steps:
        shutil.rmtree(station)
        shutil.copytree(before, station)
        stop(update, step)
        seen[says(station, "x").split(" ")[0]] += 1
        assert check(station) > 5
        if step % 8 == 0:
            update()
            assert says(station, "x").startswith("third ")
            assert len(list((station / "kits").iterdir())) == 2
    assert seen["second"] > 80
    assert seen["third"] > 5


@pytest.mark.usefixtures("unflushed")
def test_a_roll_back_that_is_killed_at_any_line_leaves_one_kit_or_the_other(tmp_path: Path) -> None:
    station, seen = tmp_path / "station", set()
    for word in ("first", "second"):
        install(small_kit(tmp_path / f"{word}.zip", word), station, say=silent)
    for step in steps_of(lambda: roll_back(station)):
        stop(lambda: roll_back(station), step)
        seen.add(says(station, "x").split(" ")[0])
        found = Station.at(station)
        assert {found.current, found.before} == {path.name for path in (station / "kits").iterdir()}
    assert seen == {"first", "second"}
