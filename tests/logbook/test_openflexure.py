"""What an OpenFlexure microscope wrote into a picture is kept with its entry; nothing else that stands there is."""

import io
import json
from typing import Any

import pytest
from PIL import Image

from edgeall.logbook.entries import Capture
from edgeall.logbook.openflexure import MOST_BYTES, MOST_DEPTH, capture_of

# Of Pillow, about damaged EXIF data; the command line ignores them.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

V3 = {
    "stage": {"position": {"x": 1200, "y": -340, "z": 15}},
    "camera_stage_mapping": {
        "image_to_stage_displacement_matrix": [[0.1, -2.5], [2.6, 0.2]],
        "image_resolution": [616, 820],
    },
}
V2 = {
    "image": {"id": "4c7e", "name": "2_3", "tags": []},
    "dataset": {"id": "9f1", "type": "xyzScan", "name": "SCAN_2026"},
    "instrument": {
        "state": {"stage": {"position": {"x": 1, "y": 2, "z": 3.5}}},
        "settings": {
            "extensions": {
                "org.openflexure.camera_stage_mapping": {"image_to_stage_displacement": [[0, 1], [1, 0]]},
                "usafcal": {"um_per_px": 0.21},
            }
        },
    },
}


def jpeg(comment: Any) -> bytes:
    """A JPEG file with a UserComment: text, bytes, or what becomes JSON."""
    exif = Image.Exif()
    if isinstance(comment, str):
        content = comment.encode()
    else:
        content = comment if isinstance(comment, bytes) else json.dumps(comment).encode()
    exif.get_ifd(0x8769)[0x9286] = content
    made = io.BytesIO()
    Image.new("RGB", (8, 8)).save(made, "JPEG", exif=exif.tobytes())
    return made.getvalue()


def nested(depth: int) -> dict[str, Any]:
    """A document of version 3, and lists and objects inside one another."""
    inner: Any = 1
    for _ in range(depth - 1):
        inner = [inner]
    return {**V3, "more": inner}


def test_position_and_calibration_of_version_3() -> None:
    assert capture_of(jpeg(V3)) == Capture(None, (1200.0, -340.0, 15.0), ((0.1, -2.5), (2.6, 0.2)), None, V3)
    earlier = {f"/{name}/": value for name, value in V3.items()}
    found = capture_of(jpeg(earlier))
    assert found is not None
    assert (found.position, found.matrix) == ((1200.0, -340.0, 15.0), ((0.1, -2.5), (2.6, 0.2)))


def test_scan_position_and_calibration_of_version_2() -> None:
    assert capture_of(jpeg(V2)) == Capture("SCAN_2026", (1.0, 2.0, 3.5), ((0.0, 1.0), (1.0, 0.0)), 0.21, V2)


@pytest.mark.parametrize("code", [b"", b"ASCII\0\0\0", b"\0" * 8])
def test_a_character_code_before_it_is_passed_over(code: bytes) -> None:
    assert capture_of(jpeg(code + json.dumps(V3).encode() + b"\0")) is not None


def test_a_value_that_is_none_of_its_kind_is_left_out() -> None:
    odd = {"stage": {"position": {"x": "1", "y": 2, "z": 3}}, "dataset": {"name": 5, "id": "a"}}
    found = capture_of(jpeg({**odd, "camera_stage_mapping": V3["camera_stage_mapping"]}))
    assert found is not None
    assert (found.scan, found.position) == (None, None)
    assert found.matrix is not None


@pytest.mark.parametrize(
    "comment",
    [
        "a holiday",
        "",
        b"\xff\xfe",
        [V3],
        {"stage": 1},
        {"place": "elsewhere"},
        '{"stage": {"position": {"x": NaN, "y": 1, "z": 1}}}',
        '{"stage": {"position": {"x": 1e999, "y": 1, "z": 1}}}',
        '{"stage": {"position": {"x": 1, "y": 1, "z": 1}}, "name": "\\ud800"}',
        "[" * 60_000,
        '{"a":' * 10_000,
        nested(MOST_DEPTH + 1),
    ],
    ids=lambda comment: repr(comment)[:30],
)
def test_other_comments_are_passed_over(comment: Any) -> None:
    assert capture_of(jpeg(comment)) is None


def test_the_depth_and_the_size_have_a_limit() -> None:
    assert capture_of(jpeg(nested(MOST_DEPTH))) is not None
    assert capture_of(jpeg({**V3, "note": "x" * 60_000})) is not None
    # Larger ones do not fit into a JPEG file's segment; other programs could put them together from several.
    from edgeall.logbook import openflexure

    assert MOST_BYTES == 65536
    patched = jpeg({**V3, "note": "x" * 1000})
    assert capture_of(patched) is not None
    openflexure.MOST_BYTES, kept = 1000, openflexure.MOST_BYTES
    try:
        assert capture_of(patched) is None
    finally:
        openflexure.MOST_BYTES = kept


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\0\x10Exif\0\0II*\0\xff\xff\xff\xff", b"PNG"]
)
def test_a_damaged_picture_tells_nothing(content: bytes) -> None:
    assert capture_of(content) is None


def test_damaged_exif_data_tell_nothing() -> None:
    content = jpeg(V3)
    start = content.index(b"Exif\0\0")
    for place in range(start, start + 60):
        capture_of(content[:place] + b"\xff\xff\xff\xff" + content[place + 4 :])
