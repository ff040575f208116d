"""Every file that edgeall reads back, damaged in every way: refused in one line that names it, or read as it was."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from answered_run import make_answered_run
from bench_documents import document, result
from mutations import changed
from small_run import draw

from edgeall import ensembling, files, predictions, results, runs
from edgeall.artifact import Parity
from edgeall.comparing.loading import Source, open_sources
from edgeall.datasets import load_split, make_split, read_dataset, save_split
from edgeall.ensembling.ensemble import Ensemble, save
from edgeall.errors import EdgeallError
from edgeall.exporting import manifest

LOST = (b"", b"{", b"[]", b"null", b"\xff\xfe", b"\x00", b"[" * 5000, b'"text"', b"5")


def figures(source: Source) -> Any:
    """All that a comparison of runs rests on."""
    (answers,) = (entry.answers for entry in source.entries.values())
    assert answers is not None
    assert answers.scores is not None
    return (
        *(
            answers.names,
            answers.hashes,
            answers.subjects,
            answers.called.tolist(),
            answers.positive.tolist(),
        ),
        *(answers.scores.tolist(), source.labels, source.grouped_by, source.models),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_answered_run(tmp_path / "other", [1])
    return tmp_path


@pytest.fixture
def run(folder: Path) -> runs.Run:
    return make_answered_run(folder / "run", [2], negatives=4, positives=4, subjects=4, threshold=0.25)


def sweep(
    path: Path, read: Callable[[], Any], same: Callable[[Any, Any], bool] | None = None, most: int = 2
) -> int:
    """Number of damaged contents tried; `same` takes what was read of the sound file and of the damaged one."""
    sound, content = read(), path.read_bytes()
    document = json.loads(content)
    refused = 0
    contents = [
        *((repr(lost), lost) for lost in LOST),
        ("cut", content[:-3]),
        ("no UTF-8", content + b"\xff"),
    ]
    contents += [(what, json.dumps(each).encode()) for what, each in changed(document, most)]
    for what, damaged in contents:
        path.write_bytes(damaged)
        try:
            found = read()
        except EdgeallError as error:
            message = str(error)
            assert len(message.splitlines()) == 1, (what, message)
            refused += 1
            assert path.name in message or str(path.parent) in message, (what, message)
            continue
        assert found == sound if same is None else same(sound, found), (what, found)
    path.write_bytes(content)
    assert read() == sound
    print(f"{path.name}: {len(contents)} contents, {refused} refused")
    return len(contents)


def test_run(run: runs.Run, folder: Path) -> None:
    def read() -> Any:
        found = runs.load(run.path)
        source, _ = open_sources([run.path, folder / "other"])
        return found.split, found.pixels, found.decision, figures(source)

    assert sweep(run.path / "run.json", read) > 1000


def test_training_images_listed_as_test_are_noticed(tmp_path: Path) -> None:
    run = make_answered_run(tmp_path / "run")
    moved = dataclasses.replace(run.split, train=run.split.test[:2], test=run.split.test[2:])
    run = dataclasses.replace(
        run, split=moved, data=dataclasses.replace(run.data, fingerprint=runs.fingerprint(moved.train))
    )
    runs.save(run)
    assert runs.load(run.path) == run
    file = run.path / "run.json"
    sound = json.loads(file.read_text())
    train, test = sound["split"]["train"], sound["split"]["test"]
    for split in (
        {"train": [], "test": train + test},
        {"train": train, "test": train + test},
        {"train": train, "test": test + test[:1]},
        {"train": train, "val": test[:1], "test": test[1:]},
        {"train": train, "test": [test[0] | {"label": "all"}, *test[1:]]},
        {"train": train, "test": [test[0] | {"name": "../x.png"}, *test[1:]]},
        {"train": train, "test": test, "grouped_by": "subject"},
        {"train": train, "test": test, "grouped_by": "hospital"},
    ):
        file.write_text(json.dumps(sound | {"split": sound["split"] | split}))
        with pytest.raises(EdgeallError, match=r"run.json: cannot be read .*; train the run again"):
            runs.load(run.path)
    # A run of an earlier version has no fingerprint of all; that of its training images tells the worst.
    del sound["fingerprint"]
    file.write_text(json.dumps(sound | {"split": sound["split"] | {"train": [], "test": train + test}}))
    with pytest.raises(EdgeallError, match="the training images of its split"):
        runs.load(run.path)


def test_ensemble(run: runs.Run, folder: Path) -> None:
    twin = make_answered_run(folder / "twin", [3], negatives=4, positives=4, subjects=4, threshold=0.25)
    twin.model_path.write_bytes(b"another")
    both = folder / "both"
    both.mkdir()
    (both / predictions.FILE).write_bytes((run.path / predictions.FILE).read_bytes())
    sha256 = tuple(files.sha256_file(each.model_path) for each in (run, twin))
    save(Ensemble(both, (run.path, twin.path), sha256, "a+b", run.decision, "subject", {"total": 2}), both)

    def read() -> Any:
        source, _ = open_sources([both, folder / "other"])
        ensemble = ensembling.load(both)
        return figures(source), ensemble.decision, ensemble.members, ensemble.grouped_by

    # In which words its split is told is not checked against its members: the word is one of three.
    assert sweep(both / ensembling.FILE, read) > 400


def test_pooled_folds(folder: Path) -> None:
    pooled = folder / "a.folds"
    folds = [
        make_answered_run(
            pooled / f"fold-{n}", [n], negatives=3, positives=3, numbers=range(9 * n, 9 * n + 6)
        )
        for n in (1, 2)
    ]
    said = predictions.joined([predictions.of_run(each)["test"] for each in folds])
    predictions.write(pooled / predictions.FILE, {predictions.POOLED: said}, folds[0].decision.labels)
    decision = dataclasses.asdict(folds[0].decision) | {"threshold": None}
    document = {"name": "a.folds", "backbone": "mobilenetv2", "k": 2, "runs": ["fold-1", "fold-2"]}
    document |= {"split": {"grouped_by": "image", "test": 12}, "decision": decision}
    files.write_json(pooled / "pooled.json", document)

    def read() -> Any:
        source, _ = open_sources([pooled, folder / "other"])
        return figures(source)

    def same(sound: Any, found: Any) -> bool:
        """The run of a fold may have been removed; then images are known by name."""
        return found in (sound, (sound[0], None, *sound[2:]))

    assert sweep(pooled / "pooled.json", read, same) > 200
    table = pooled / predictions.FILE
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(EdgeallError, match=r"is of 11 images, and pooled.json of 12; cross-validate again"):
        read()


def test_split_file(tmp_path: Path) -> None:
    draw(tmp_path / "data", {"healthy": 5, "all": 5})
    dataset = read_dataset(tmp_path / "data")
    path = tmp_path / "split.json"
    save_split(path, make_split(dataset)[0])
    # An image less, of a part that keeps both classes, is a split too, as is one with subjects of the user's.
    whole = load_split(path, dataset)

    def same(sound: Any, found: Any) -> bool:
        return all(
            {(m.name, m.sha256, m.label) for m in found.part(part)}
            <= {(m.name, m.sha256, m.label) for m in sound.part(part)}
            for part in runs.PARTS
        )

    assert sweep(path, lambda: load_split(path, dataset), same) > 300
    assert load_split(path, dataset) == whole


def test_manifest(run: runs.Run) -> None:
    run.exports.mkdir()
    for name in ("a", "b"):
        exported = manifest.Exported(
            *(
                run.exports / f"{name}.onnx",
                run.name,
                run.backbone,
                "onnx-int8",
                "onnx",
                "int8",
                5,
                "1" * 64,
                1.5,
            ),
            *(
                Parity(8, 1.0, 0.0, 0.0, True),
                "2" * 64,
                ({"method": "calibration"},),
                ("Softmax",),
                "entropy",
                None,
            ),
        )
        exported.path.write_bytes(b"")
        manifest.add(run, exported)
    entries = manifest.read(run)
    assert set(entries) == {"a.onnx", "b.onnx"}

    def same(sound: Any, found: Any) -> bool:
        # What is not read is made again, and so is what is of other inputs or another artifact.
        return all(isinstance(each, manifest.Exported) for each in found.values())

    assert sweep(run.exports / "manifest.json", lambda: manifest.read(run), same) > 300


NUMBERS = (
    *("n", "clusters", "accuracy", "accuracy_over_subjects", "f1", "auc", "sensitivity", "specificity"),
    *(
        "vs_float",
        "latency_ms",
        "end_to_end_ms",
        "cold_start_ms",
        "peak_rss_bytes",
        "size_bytes",
        "predictions",
        "batches",
    ),
)


@pytest.mark.parametrize("subjects", [None, 6])
def test_bench_results(subjects: int | None, tmp_path: Path, bench_document: Callable[..., Any]) -> None:
    path = tmp_path / "laptop.json"
    files.write_json(path, bench_document(subjects))
    sound = json.loads(path.read_text())

    def read() -> tuple[results.Bench, ...]:
        return results.load([path])

    def same(before: Any, after: Any) -> bool:
        """A figure is as it was or not known; a number may be another number, which nothing can tell."""
        (old,), new = before[0].results, [result for bench in after for result in bench.results]
        return all(
            unknown_or_alike(getattr(old, name), getattr(each, name)) for each in new for name in NUMBERS
        )

    assert sweep(path, read, same, most=1) > 1000
    for key, value in (
        ("n", 21),
        ("accuracy", {"value": 0.5, "low": None, "high": None}),
        ("specificity", {"value": 0.25, "low": None, "high": None}),
    ):
        path.write_text(json.dumps(sound | {"results": [sound["results"][0] | {key: value}]}))
        with pytest.raises(EdgeallError, match=rf"results\[0\].*{key}.* its predictions"):
            read()


def unknown_or_alike(old: Any, new: Any) -> bool:
    # Where nothing was known, nothing tells what is true.
    if old is None or new is None or new == () or old == new:
        return True
    if dataclasses.is_dataclass(old) and type(old) is type(new):
        # That a round or a run is missing, nothing can tell.
        names = [field.name for field in dataclasses.fields(old) if field.name not in ("rounds", "raw")]
        return all(unknown_or_alike(getattr(old, name), getattr(new, name)) for name in names)
    if isinstance(old, dict):
        return len(new) <= len(old)
    if isinstance(old, tuple) and isinstance(new, tuple):
        return len(old) == len(new) and all(map(unknown_or_alike, old, new))
    return type(old) is type(new)


@pytest.fixture
def bench_document() -> Callable[..., Any]:
    return lambda subjects: document([result(wrong=[1], base_wrong=[1, 2], subjects=subjects)])
