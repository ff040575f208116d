"""Archives of arrays in a run's folder, which may be damaged or too large."""

import copy
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from edgeall import arrays
from edgeall.arrays import ArraysError, read_arrays


def test_arrays_are_read_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", one=np.arange(3), two=np.eye(2))
    found = read_arrays(tmp_path / "a.npz")
    assert list(found) == ["one", "two"]
    assert found["one"].tolist() == [0, 1, 2]


def test_damage_is_no_other_error(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, one=np.arange(100))
    sound = path.read_bytes()
    path.write_bytes(sound[: len(sound) // 2])
    with pytest.raises(ArraysError):
        read_arrays(path)
    for place in range(len(sound)):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0x55]) + sound[place + 1 :])
        with suppress(ArraysError):
            read_arrays(path)
    with pytest.raises(ArraysError, match="No such file"):
        read_arrays(tmp_path / "missing.npz")


def test_what_unpacks_to_more_than_the_limit_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "a.npz", one=np.zeros(3 << 20, np.uint8))
    monkeypatch.setattr(arrays, "MAX_BYTES", 2 << 20)
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(ArraysError, match="3 MiB, more than 2"):
        read_arrays(tmp_path / "a.npz")


def test_python_objects_are_not_loaded(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, archive.open("one.npy", "w") as file:
        np.lib.format.write_array(file, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ArraysError, match="allow_pickle"):
        read_arrays(tmp_path / "a.npz")


def test_a_list_that_is_longer_than_any_is_not_read(tmp_path: Path) -> None:
    """Each entry takes memory, also one of no bytes."""
    entry = zipfile.ZipInfo("one.npy")
    entry.comment = bytes(60_000)
    for count, refused in ((17, False), (18, True)):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            for number in range(count):
                entry.filename = f"{number}.npy"
                with archive.open(copy.copy(entry), "w") as file:
                    np.lib.format.write_array(file, np.arange(3))
        if refused:
            with pytest.raises(ArraysError, match="its list of contents takes 1 MiB, more than any has"):
                read_arrays(tmp_path / "a.npz")
        else:
            assert len(read_arrays(tmp_path / "a.npz")) == count


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_than_numpys_are_refused(tmp_path: Path, method: int) -> None:
    """Their damage is told by other errors."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive, archive.open("one.npy", "w") as file:
        np.lib.format.write_array(file, np.arange(3))
    with pytest.raises(ArraysError, match="compressed in another way"):
        read_arrays(tmp_path / "a.npz")


def test_a_mark_of_encryption_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, one=np.arange(3))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ArraysError, match="encrypted"):
        read_arrays(path)
