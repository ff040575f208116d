"""User units of systemd: what a path says stays a path."""

import shutil
import subprocess
from pathlib import Path

import pytest

from edgeall.station.errors import KitError
from edgeall.station.units import SERVICES, unit, unit_name


def line(text: str) -> str:
    return next(each for each in text.splitlines() if each.startswith("ExecStart="))


def test_a_watched_folder_is_one_word_whatever_it_is_called() -> None:
    found = line(unit("watch", "/home/lab/edgeall", '/media/my "pictures" 100% $HOME \\ x'))
    assert found == ('ExecStart="/home/lab/edgeall" watch "/media/my \\"pictures\\" 100%% $$HOME \\\\ x"')


@pytest.mark.parametrize("folder", ["/a\nExecStart=/bin/evil", "/a\tb", "/a\x07"])
def test_a_path_that_would_be_more_than_a_word_is_refused(folder: str) -> None:
    with pytest.raises(KitError, match="cannot stand in a unit"):
        unit("watch", "/x", folder)


def test_the_home_folder_may_be_left_to_systemd() -> None:
    assert line(unit("serve", "%h/edgeall")) == "ExecStart=%h/edgeall serve"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("service", SERVICES)
def test_systemd_takes_them(service: str, tmp_path: Path) -> None:
    command = tmp_path / "a b" / "edgeall"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    place = tmp_path / unit_name(service)
    place.write_text(unit(service, str(command), str(tmp_path) if service == "watch" else None))
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", place],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )
    assert unit_name(service) not in done.stderr, done.stderr
