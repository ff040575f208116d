"""What the station answers is what `edgeall classify` answers, and it is in the log."""

import base64
import csv
import io
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_smears import White, draw
from PIL import Image
from served import Served, served
from small_models import SmallModel

from edgeall.artifact import Artifact
from edgeall.artifact.metadata import Calibration
from edgeall.cli.main import main
from edgeall.field import Classifier
from edgeall.field.session_pool import EngineClosed
from edgeall.logbook import Logbook, PictureEntry, find_path, remove, verify
from edgeall.serving.numbers import ENTRIES, PICTURES, Numbers
from edgeall.serving.station import Station

Start = Callable[..., Served]


def png(pixels: np.ndarray, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


def classified(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[dict[str, object]]:
    main(["classify", "--json", *map(str, arguments)])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def wait_for_entries(station: Served, count: int) -> None:
    """Until so many pictures are told by the live feed."""
    told = b""
    with station.connect() as line:
        line.sendall(b"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        while told.count(b"event: decided") < count:
            told += line.recv(65536)


def comparable(answer: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in answer.items() if name not in ("path", "ms")}


def test_decisions_are_bit_for_bit_those_of_classify(
    station: Served,
    artifact: Artifact,
    pictures: list[bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number, picture in enumerate(pictures):
        (tmp_path / f"{number:03}.png").write_bytes(picture)
    expected = classified(capsys, "--model", artifact.path, tmp_path)
    found = [station.decide(f"{number:03}.png", picture).json for number, picture in enumerate(pictures)]
    assert [comparable(each["picture"]) for each in found] == [comparable(each) for each in expected]
    assert {each["picture"]["decision"] for each in found} >= {"positive", "negative", "refer"}


def test_cells_of_fields_are_those_of_classify(
    start: Start, artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    smear = png(draw([White(200, 200), White(420, 300)]))
    (tmp_path / "field.png").write_bytes(smear)
    (expected,) = classified(capsys, "--model", artifact.path, "--cells", tmp_path / "field.png")
    found = start(cells=True).decide("field.png", smear).json
    assert comparable(found["field"]) == comparable(expected)
    assert len(found["field"]["cells"]) == 2
    assert found["picture"] is None


def test_an_answer_is_in_the_log_before_it_is_given(station: Served, pictures: list[bytes]) -> None:
    answer = station.decide("slide 1/one.png", pictures[0]).json
    with Logbook.open(station.log) as log:
        record = log.record(answer["seq"])
        assert record is not None
        assert verify(log).holds
    entry = record.entry
    assert isinstance(entry, PictureEntry)
    assert (entry.source, entry.folder, entry.path) == ("serve", None, "slide 1/one.png")
    assert (entry.sha256, entry.time) == (answer["sha256"], answer["time"])
    assert entry.answer is not None
    assert comparable(entry.answer) == comparable(answer["picture"])


def test_a_file_that_is_no_picture_gets_classifys_sentence(
    station: Served, artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = station.decide("notes.png", b"no picture")
    (tmp_path / "notes.png").write_bytes(b"no picture")
    (expected,) = classified(capsys, "--model", artifact.path, tmp_path / "notes.png")
    assert answer.status == 422
    assert f"{tmp_path}/{answer.json['error']}" == expected["error"]
    (entry,) = station.ask("/api/history?text=notes.png").json["entries"]
    assert entry["error"] == answer.json["error"]


def test_a_lack_of_memory_is_recorded_of_no_picture(
    start: Start, pictures: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = start()

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as without_memory:
        without_memory.setattr("PIL.ImageFile.ImageFile.load", fail)
        refused = station.decide("a.png", pictures[0])
    assert refused.status == 503
    assert refused.json["error"] == "the station has too little memory now: send it again later"
    assert int(refused.headers["Retry-After"]) > 0
    assert station.ask("/api/history").json["entries"] == []
    assert station.decide("a.png", pictures[0]).status == 200


def test_a_picture_whose_engine_is_closed_meanwhile_is_not_recorded(
    artifact: Artifact, pictures: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a failure of the watcher, which has the engine too."""
    monkeypatch.setattr("edgeall.field.session_pool.MOST_BYTES", 1)
    with Logbook.open(tmp_path / "log.db", create=True) as log, Classifier(artifact) as classifier:
        classifier.begin()
        station = Station(classifier, log, log)
        station.begin()
        head = log.head
        with ThreadPoolExecutor() as executor, classifier.session():
            waiting = executor.submit(station.decide, "a.png", pictures[0])
            classifier.close()
            with pytest.raises(EngineClosed, match="its engine is closed"):
                waiting.result(60)
        assert log.head == head


def test_a_picture_that_was_removed_is_decided_and_not_recorded_again(
    start: Start, pictures: list[bytes]
) -> None:
    station = start()
    first = station.decide("a.png", pictures[0]).json
    with Logbook.open(station.log) as log:
        remove(log, find_path(log, "a.png"), "path", "asked for")
        head = log.head
    again = station.decide("again.png", pictures[0]).json
    assert again["seq"] is None
    assert comparable(again["picture"]) == comparable(first["picture"])
    with Logbook.open(station.log) as log:
        assert log.head == head


def test_pictures_are_written_to_disk_only_where_that_is_asked_for(
    start: Start, pictures: list[bytes], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    station = start(keep=kept)
    answer = station.decide("../../escaped.png", pictures[0]).json
    station.decide("again.png", pictures[0])
    station.decide("notes.png", b"no picture")
    (file,) = kept.iterdir()
    assert file.name == f"{answer['sha256']}.png"
    assert file.read_bytes() == pictures[0]
    assert [each.stat().st_mode & 0o077 for each in (kept, file)] == [0, 0]


def test_a_picture_that_was_removed_is_not_kept_again(
    start: Start, pictures: list[bytes], tmp_path: Path
) -> None:
    station = start(keep=tmp_path / "kept")
    station.decide("a.png", pictures[0])
    (file,) = (tmp_path / "kept").iterdir()
    file.unlink()
    with Logbook.open(station.log) as log:
        remove(log, find_path(log, "a.png"), "path")
    assert station.decide("a.png", pictures[0]).json["seq"] is None
    assert list((tmp_path / "kept").iterdir()) == []


def test_history_is_paged_searched_and_limited_to_a_session(start: Start, pictures: list[bytes]) -> None:
    station = start()
    seqs = [
        station.decide(f"slide/{number}.png", each).json["seq"] for number, each in enumerate(pictures[:6])
    ]

    def found(query: str = "") -> list[int]:
        return [each["seq"] for each in station.ask(f"/api/history?{query}").json["entries"]]

    assert found() == seqs[::-1]
    assert found("text=/3.PNG") == [seqs[3]]
    assert found(f"after={seqs[2]}") == seqs[:2:-1]
    page = station.ask("/api/history?count=4").json
    assert (len(page["entries"]), page["more"]) == (4, True)
    rest = station.ask(f"/api/history?count=4&before={seqs[2]}").json
    assert ([each["seq"] for each in rest["entries"]], rest["more"]) == (seqs[1::-1], False)
    decisions = {each["picture"]["decision"] for each in station.ask("/api/history").json["entries"]}
    assert sum(len(found(f"decision={each}")) for each in decisions) == 6


def test_csv_is_the_export_of_what_a_search_finds(
    start: Start, pictures: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    station = start()
    for name in ("one.png", "=two.png", "three.png"):
        station.decide(name, pictures[0])
    answer = station.ask("/api/history.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert main(["log", "export", "--log", str(station.log), "-o", str(tmp_path / "log.csv")]) == 0
    exported = list(csv.reader((tmp_path / "log.csv").open(newline="", encoding="utf-8")))
    rows = list(csv.reader(io.StringIO(answer.body.decode())))
    # The log's first entry says what answers. The latest picture comes first.
    assert rows == [exported[0], *exported[:1:-1]]
    assert rows[2][rows[0].index("path")] == "'=two.png"
    searched = station.ask("/api/history.csv?text=three").body.decode().splitlines()
    assert len(searched) == 2


def test_slides_have_the_counts_and_intervals_of_classify(
    start: Start,
    artifact: Artifact,
    pictures: list[bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    station = start()
    for number, picture in enumerate(pictures[:12]):
        name = f"slide{number % 2}/{number:02}.png"
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(picture)
        station.decide(name, picture)
    folders = sorted(tmp_path.glob("slide*"))
    lines = classified(capsys, "--model", artifact.path, "--by", "folder", *folders)
    expected = [line for line in lines if line.get("by") == "folder"]
    found = station.ask("/api/summary").json["groups"]
    assert [each["group"] for each in found] == ["slide0", "slide1"]
    same = ("counts", "positive_share", "decision", "why")
    assert [[each[name] for name in same] for each in found] == [
        [each[name] for name in same] for each in expected
    ]


def test_folders_of_one_name_in_several_places_are_several_slides(
    start: Start, pictures: list[bytes]
) -> None:
    station = start()
    station.decide("slide/a.png", pictures[0])
    station.decide("b.png", pictures[1])
    watched = [("/one", "slide/a.png"), ("/two", "slide/a.png"), ("/one", "b.png"), ("/one", "other/a.png")]
    with Logbook.open(station.log) as log:
        (last,) = log.recent(1)
        assert isinstance(last.entry, PictureEntry)
        log.append(replace(last.entry, source="watch", folder=folder, path=path) for folder, path in watched)
    groups = station.ask("/api/summary").json["groups"]
    assert [(each["group"], sum(each["counts"].values())) for each in groups] == [
        *((".", 1), ("/one", 1), ("/one/slide", 1), ("/two/slide", 1), ("other", 1), ("slide", 1)),
    ]


def test_a_picture_counts_once_in_its_slide(start: Start, pictures: list[bytes], tmp_path: Path) -> None:
    """Sent again, as after an answer that was lost on its way, or changed in the watched folder."""
    scans = tmp_path / "scans"
    (scans / "slide").mkdir(parents=True)
    (scans / "slide" / "a.png").write_bytes(pictures[0])
    station = start(watch=scans)
    wait_for_entries(station, 1)
    (scans / "slide" / "a.png").write_bytes(pictures[1])
    wait_for_entries(station, 2)
    for picture in (pictures[2], pictures[2], pictures[3]):
        station.decide("slide/image.jpg", picture)
    groups = station.ask("/api/summary").json["groups"]
    assert [(each["group"], sum(each["counts"].values())) for each in groups] == [
        (str(scans / "slide"), 1),
        ("slide", 2),
    ]
    assert len(station.ask("/api/history").json["entries"]) == 5


def test_pictures_are_shown_in_a_format_that_browsers_have(
    station: Served, pictures: list[bytes], tiny: SmallModel
) -> None:
    tiff = png(tiny.images[0], "TIFF")
    answer = station.ask("/api/previews?name=cell.tif", tiff)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(answer.body)) as shown:
        assert shown.size == tiny.images[0].shape[1::-1]
    assert station.ask("/api/previews?name=cell.tif", b"no picture").status == 422


def test_pictures_of_the_watched_folder_are_shown_while_they_are_unchanged(
    start: Start, pictures: list[bytes], tmp_path: Path
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "a.png").write_bytes(pictures[0])
    station = start(watch=scans)
    with station.connect() as line:
        line.sendall(b"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        told = b""
        while b"event: decided" not in told or not told.endswith(b"\n\n\r\n"):
            told += line.recv(65536)
    (entry,) = station.ask("/api/history").json["entries"]
    assert (entry["source"], entry["path"]) == ("watch", "a.png")
    assert json.dumps(entry["path"]).encode() in told
    shown = station.ask(f"/api/pictures/{entry['seq']}/preview")
    assert (shown.status, shown.headers["content-type"]) == (200, "image/jpeg")
    explained = station.ask(f"/api/pictures/{entry['seq']}/explanation").json
    sent = station.ask("/api/explanations?name=a.png", pictures[0]).json
    assert {**explained, "ms": 0} == {**sent, "ms": 0}
    (scans / "a.png").write_bytes(pictures[1])
    assert station.ask(f"/api/pictures/{entry['seq']}/explanation").status == 404
    assert station.ask(f"/api/pictures/{entry['seq']}/preview").status == 404
    (scans / "a.png").unlink()
    os.mkfifo(scans / "a.png")
    assert station.ask(f"/api/pictures/{entry['seq']}/preview").status == 404


@pytest.mark.skipif(os.name == "nt", reason="these are no names there")
def test_pictures_whose_names_the_log_escapes_are_shown(
    start: Start, pictures: list[bytes], tmp_path: Path
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for name, picture in zip((rb"a\b.png", rb"\xff.png", b"\xff.png"), pictures, strict=False):
        (scans / os.fsdecode(name)).write_bytes(picture)
    station = start(watch=scans)
    wait_for_entries(station, 3)
    entries = station.ask("/api/history").json["entries"]
    assert [station.ask(f"/api/pictures/{each['seq']}/preview").status for each in entries] == [200] * 3


def test_an_answer_of_another_model_has_no_map_of_this_one(
    start: Start, tiny: SmallModel, pictures: list[bytes], tmp_path: Path
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "a.png").write_bytes(pictures[0])
    before = tiny.sealed("tflite-int8", tmp_path, "before")
    with served(before, tmp_path / "log.db", watch=scans) as first:
        wait_for_entries(first, 1)
    station = start(watch=scans)
    (entry,) = station.ask("/api/history").json["entries"]
    assert entry["artifact"] == before.sha256 != station.ask("/api/station").json["artifact"]
    answer = station.ask(f"/api/pictures/{entry['seq']}/explanation")
    assert (answer.status, answer.json) == (
        404,
        {"error": "another model gave this answer: it has no map here"},
    )
    assert station.ask(f"/api/pictures/{entry['seq']}/preview").status == 200


@pytest.mark.parametrize(
    ("calibration", "calibrated"),
    [(None, None), (Calibration("none", 1.0, 0.0, 0), False), (Calibration("platt", 1.1, 0.2, 40), True)],
)
def test_the_station_says_whether_probabilities_are_calibrated(
    start: Start, tiny: SmallModel, tmp_path: Path, calibration: Calibration | None, calibrated: bool | None
) -> None:
    made = tiny.sealed("tflite-int8", tmp_path, "cells", calibration=calibration)
    assert start(artifact=made).ask("/api/station").json["calibrated"] is calibrated


def test_pictures_from_clients_are_not_shown_again(station: Served, pictures: list[bytes]) -> None:
    seq = station.decide("a.png", pictures[0]).json["seq"]
    assert station.ask(f"/api/pictures/{seq}/preview").status == 404
    assert station.ask("/api/pictures/999999/preview").status == 404


def test_the_station_says_what_answers(station: Served, artifact: Artifact) -> None:
    about = station.ask("/api/station").json
    decision = artifact.metadata.decision
    assert (about["model"], about["artifact"]) == (artifact.path.name, artifact.sha256)
    assert (about["threshold"], about["refer"]) == (decision.threshold, list(decision.refer or ()))
    assert about["use"].startswith("Research use only. Not a medical device")


def test_numbers_for_prometheus(start: Start, pictures: list[bytes]) -> None:
    station = start()
    decision = station.decide("a.png", pictures[0]).json["picture"]["decision"]
    station.decide("b.png", b"no picture")
    answer = station.ask("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.body.decode().splitlines()
    assert f'edgeall_pictures_total{{decision="{decision}"}} 1' in lines
    assert 'edgeall_pictures_total{decision="error"} 1' in lines
    assert 'edgeall_refused_requests_total{status="422"} 1' in lines
    assert "edgeall_places_taken 0" in lines
    assert "edgeall_log_entries 3" in lines
    named = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {line.split("{")[0].split()[0] for line in lines if not line.startswith("#")} == named


def test_numbers_are_exact() -> None:
    """A counter that is rounded to six digits stands still."""
    numbers = Numbers({ENTRIES: lambda: 1_234_567})
    numbers.add(PICTURES, 7_654_321, decision="positive")
    lines = numbers.text().splitlines()
    assert {"edgeall_log_entries 1234567", 'edgeall_pictures_total{decision="positive"} 7654321'} <= set(
        lines
    )


def test_health(station: Served) -> None:
    assert station.ask("/healthz").json == {"status": "ok"}


def test_a_map_is_that_of_explain(
    station: Served,
    artifact: Artifact,
    pictures: list[bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "cell.png").write_bytes(pictures[0])
    main(["explain", str(tmp_path / "cell.png"), "--model", str(artifact.path), "--json"])
    expected = json.loads(capsys.readouterr().out)["map"]
    before = station.ask("/api/station").json["head"]
    found = station.ask("/api/explanations?name=cell.png", pictures[0]).json
    assert (found["holds"], found["against"]) == (expected["explanation"], expected["against"])
    told = expected["faithfulness"]
    assert (found["marked"], found["random"]) == (told["marked"], told["random"])
    with Image.open(io.BytesIO(base64.b64decode(found["map"]))) as shown:
        assert (shown.format, shown.size) == ("PNG", (480, 480))
    assert station.ask("/api/station").json["head"] == before


def test_a_picture_that_is_refused_has_no_map(station: Served) -> None:
    found = station.ask("/api/explanations?name=empty.png", png(np.full((96, 96, 3), 220, np.uint8))).json
    assert (found["map"], found["holds"]) == (None, False)
    assert found["against"] == ["nearly uniform: nothing to see"]


def test_fields_have_no_map(start: Start) -> None:
    answer = start(cells=True).ask("/api/explanations?name=a.png", png(draw([White(200, 200)])))
    assert (answer.status, answer.json) == (
        422,
        {"error": "a.png: whole fields have no map: it is of one answer"},
    )
