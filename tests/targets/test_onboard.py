"""What runs on a board keeps to its folder and leaves nothing half done."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from edgeall.station import unpacking
from edgeall.targets import agent

UNPACKING = Path(unpacking.__file__).read_text(encoding="utf-8")


def request(folder: Path, to: str, content: bytes, **changes: Any) -> dict[str, Any]:
    file = {"to": to, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    return {"folder": str(folder), "files": [file | changes]}


def test_a_file_arrives_whole(tmp_path: Path) -> None:
    asked = request(tmp_path / "new", "images/a.png", b"pixels")
    assert agent.missing(asked) == [0]
    assert agent.receive(asked, io.BytesIO(b"pixels")) == {"received": 1}
    assert agent.missing(asked) == []
    assert [path.name for path in (tmp_path / "new").rglob("*") if path.is_file()] == ["a.png"]


def test_a_damaged_one_does_not(tmp_path: Path) -> None:
    asked = request(tmp_path, "a.png", b"pixels")
    assert "arrived damaged" in agent.receive(asked, io.BytesIO(b"pixelz"))["error"]
    with pytest.raises(EOFError):
        agent.receive(asked, io.BytesIO(b"pix"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", ["../a", "/etc/a", "a/../../b", "", "."])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, to: str) -> None:
    folder = tmp_path / "folder"
    with pytest.raises(ValueError, match="not a place inside"):
        agent.receive(request(folder, to, b"x"), io.BytesIO(b"x"))
    assert not folder.exists()


def wheel(path: Path, members: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)


def test_wheels_are_unpacked_into_one_folder_as_an_installer_does(tmp_path: Path) -> None:
    wheel(tmp_path / "a.whl", {"a/__init__.py": "a", "a-1.data/purelib/b.py": "b", "a-1.data/scripts/c": "c"})
    wheel(tmp_path / "d.whl", {"d.py": "d"})
    asked = {
        "folder": str(tmp_path),
        "archives": ["a.whl", "d.whl"],
        "into": "unpacked/1",
        "unpacking": UNPACKING,
    }
    assert agent.unpack(asked) == {"into": str(tmp_path / "unpacked" / "1"), "fresh": True}
    assert agent.unpack(asked)["fresh"] is False
    unpacked = tmp_path / "unpacked" / "1"
    found = sorted(path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file())
    assert found == ["a/__init__.py", "b.py", "d.py"]


def test_packages_are_on_the_disk_before_their_folder_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finds the folder takes it for whole, also after a power failure."""
    done = []
    monkeypatch.setattr(agent.os, "sync", lambda: done.append((tmp_path / "unpacked" / "1").exists()))
    wheel(tmp_path / "a.whl", {"a.py": "a"})
    asked = {"folder": str(tmp_path), "archives": ["a.whl"], "into": "unpacked/1", "unpacking": UNPACKING}
    assert agent.unpack(asked)["fresh"]
    assert done == [False]


def test_a_launcher_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []
    monkeypatch.setattr(agent.os, "fsync", lambda _: done.append((tmp_path / "edgeall").exists()))
    assert agent.write({"folder": str(tmp_path), "to": "edgeall", "text": "#!/bin/sh\n"})
    assert done == [False]
    assert (tmp_path / "edgeall").read_text() == "#!/bin/sh\n"


def test_a_wheel_that_would_write_elsewhere_is_refused(tmp_path: Path) -> None:
    wheel(tmp_path / "a.whl", {"good.py": "", "../../evil.py": ""})
    asked = {"folder": str(tmp_path), "archives": ["a.whl"], "into": "unpacked/1", "unpacking": UNPACKING}
    assert "not a place inside" in agent.unpack(asked)["error"]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.whl"]
    assert list((tmp_path / "unpacked").iterdir()) == []
