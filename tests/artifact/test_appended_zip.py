"""The archive behind a TFLite model: one way of writing it, which any unzip tool reads."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeall.artifact.appended_zip import pack, unpack

FILES = {"edgeall.json": '{"labels": ["gesund", "ällig"]}'.encode(), "labels.txt": b"a\nb\n"}
MODEL = b"\x1c\x00\x00\x00TFL3" + bytes(range(256))


def test_other_tools_read_it() -> None:
    with zipfile.ZipFile(io.BytesIO(MODEL + pack(FILES, len(MODEL)))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert entries[0].header_offset == len(MODEL)


def test_it_is_written_as_zipfile_writes_it() -> None:
    """Artifacts of earlier versions were packed by `zipfile`, and are checked byte for byte."""
    file = io.BytesIO(MODEL)
    with zipfile.ZipFile(file, "a") as archive:
        for name, content in FILES.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, content)
    assert file.getvalue() == MODEL + pack(FILES, len(MODEL))


@given(
    files=st.dictionaries(st.text("abc.", min_size=1), st.binary(max_size=50), max_size=3),
    before=st.binary(max_size=60),
)
def test_what_was_packed_is_unpacked(files: dict[str, bytes], before: bytes) -> None:
    assert unpack(before + pack(files, len(before))) == (files, len(before))


@given(data=st.binary(max_size=200))
def test_noise_is_no_archive(data: bytes) -> None:
    assert unpack(data) is None
    assert unpack(data + b"PK\5\6" + data[:18].ljust(18, b"\xff")) is None


@pytest.mark.parametrize("change", [lambda a: a[:-1], lambda a: a + b"\0", lambda a: b"x" + a])
def test_an_archive_with_a_byte_more_or_less_is_none(change) -> None:  # type: ignore[no-untyped-def]
    whole = MODEL + pack(FILES, len(MODEL))
    assert unpack(change(whole)) is None


def test_entries_that_overlap_are_refused_before_they_take_memory() -> None:
    """Eight entries of the same million bytes."""
    content = bytes(1_000_000)
    single = pack({"a": content}, 0)
    directory = single[len(single) - 22 - 47 : -22]
    end = bytearray(single[-22:])
    end[8:12] = (8).to_bytes(2, "little") * 2
    end[12:16] = (8 * len(directory)).to_bytes(4, "little")
    assert unpack(single[: -22 - len(directory)] + 8 * directory + bytes(end)) is None


def test_an_archive_of_more_files_than_edgeall_packs_is_none() -> None:
    """Packing again what was read, to compare it, would take minutes of hundreds of thousands of files."""
    few, many = ({str(number): b"" for number in range(count)} for count in (8, 9))
    assert unpack(pack(few, 0)) == (few, 0)
    assert unpack(pack(many, 0)) is None
