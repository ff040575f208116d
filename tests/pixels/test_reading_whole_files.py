"""A picture's file that is read whole: of bounded size, and nothing that could be waited for without end."""

import os
from pathlib import Path

import pytest

from edgeall.errors import ImageError
from edgeall.pixels import opening


def test_a_file_is_read_up_to_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cell.png"
    path.write_bytes(b"x" * (1 << 20))
    monkeypatch.setattr(opening, "MOST_BYTES", 1 << 20)
    assert len(opening.read_whole(path)) == 1 << 20
    path.write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(ImageError, match=r"cell\.png: larger than 1 MiB, more than is read of a picture"):
        opening.read_whole(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cell.png")
    with pytest.raises(ImageError, match="a pipe, not a regular file"):
        opening.read_whole(tmp_path / "cell.png")
