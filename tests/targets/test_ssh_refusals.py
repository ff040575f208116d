"""Boards that are not reached, not trusted, or have no room: each is told in one line, with the way out."""

import dataclasses
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from loopback_board import LoopbackBoard
from over_ssh import why

from edgeall.errors import UsageError
from edgeall.measuring.plan import Plan, PlannedImage
from edgeall.targets import SshTarget


def test_a_board_of_an_unknown_key_is_not_trusted(board: LoopbackBoard, plan: Plan) -> None:
    board.know(None)
    try:
        words = why(board.profile(addresses=(board.address("localhost"),)), plan)
    finally:
        board.know("host")
    assert "host key is not known here yet" in words
    assert f"run 'ssh -p {board.port} localhost' once" in words


def test_a_board_whose_key_changed_is_refused(board: LoopbackBoard, plan: Plan) -> None:
    board.know("other")
    try:
        words = why(board.profile(addresses=(board.address("localhost"),)), plan)
    finally:
        board.know("host")
    assert "its host key has changed" in words
    assert f"ssh-keygen -R [localhost]:{board.port}" in words


def test_a_refused_login_tells_how_to_be_let_in(board: LoopbackBoard, plan: Plan, tmp_path: Path) -> None:
    config = tmp_path / "ssh.conf"
    config.write_text(board.ssh_config.read_text().replace("/user\n", "/other\n"))
    assert "ssh-copy-id" in why(board.profile(ssh_config=config), plan)


def test_a_port_where_nobody_listens(board: LoopbackBoard, plan: Plan) -> None:
    profile = board.profile(addresses=(board.address(port=1),))
    assert "raspi-config" in why(profile, plan)
    with closing(SshTarget(profile)) as target:
        assert "no ssh server is running there" in str(target.unreachable())


def test_the_first_address_that_answers_is_taken(board: LoopbackBoard) -> None:
    with closing(SshTarget(board.profile(addresses=(board.address(port=1), board.address())))) as target:
        assert target.unreachable() is None
        assert target.address == board.address()


def test_a_board_without_python_is_told_apart(board: LoopbackBoard, plan: Plan) -> None:
    assert "apt install python3" in why(board.profile(python="python3-is-not-here"), plan)


@pytest.mark.parametrize("python", ["python3; touch ~/pwned", "$(touch ~/pwned)", "-c 'touch ~/pwned'"])
def test_nothing_in_a_profile_reaches_the_boards_shell(board: LoopbackBoard, plan: Plan, python: str) -> None:
    why(board.profile(python=python), plan)
    with closing(SshTarget(board.profile(folder=f"~/{python}"))) as target:
        probe = target.examine().probe
    assert probe is not None
    assert probe["folder"] == str(board.home / python)
    assert not (board.home / "pwned").exists()


def test_an_image_that_has_gone_meanwhile_is_named(board: LoopbackBoard, plan: Plan) -> None:
    gone = (PlannedImage("gone.png", "/nowhere/gone.png", "0" * 64),)
    with (
        closing(SshTarget(board.profile())) as target,
        pytest.raises(UsageError, match=r"/nowhere/gone\.png"),
    ):
        list(target.measure(dataclasses.replace(plan, image_sets={"few": gone}), ()))


def test_a_full_disk_is_said_before_anything_is_sent(board: LoopbackBoard, plan: Plan) -> None:
    disk = board.home / "tiny-disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root alone")
    try:
        words = why(board.profile(folder="~/tiny-disk"), plan)
        assert "0.1 MB are free" in words or "0 MB are free" in words
        assert "make room" in words
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_meanwhile_leaves_no_half_file(board: LoopbackBoard, plan: Plan) -> None:
    # The system's own limit to a file's size, in kilobytes or half of them, in the place of a full disk.
    cramped = board.script("cramped-python", f'#!/bin/sh\nulimit -f 60\nexec {sys.executable} "$@"\n')
    words = why(board.profile(python=str(cramped), folder="~/cramped"), plan)
    assert "make room" in words
    assert not [path for path in (board.home / "cramped").rglob("*") if path.is_file()]
