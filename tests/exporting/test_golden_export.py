"""Export gives every artifact golden answers, and gives them to those of earlier versions."""

from typing import Any

import pytest

from edgeall import artifact, runs, runtimes
from edgeall.artifact import Metadata
from edgeall.exporting import Exported, export_run, load_recipe, sealing
from edgeall.golden import answers, checkable, checking


def test_every_artifact_answers_as_when_it_was_made(exported: tuple[runs.Run, list[Exported]]) -> None:
    for each in exported[1]:
        made = artifact.read(each.path)
        known = made.metadata.golden
        assert known is not None, each.path
        assert (known.revision, len(known.seeds)) == (checkable.REVISION, answers.COUNT)
        assert known.processor
        with runtimes.open_session(made) as session:
            assert (session.engine.name, session.engine.version) == (known.engine, known.version)
            assert checking.run(made, session).right


def test_an_artifact_of_an_earlier_version_is_made_again_and_then_kept(
    run: runs.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe("onnx-fp32")
    with monkeypatch.context() as earlier:

        def without(**values: Any) -> Metadata:
            return Metadata(**values | {"golden": None})

        earlier.setattr(sealing, "Metadata", without)
        [old] = export_run(run, [recipe])
    assert artifact.read(old.path).metadata.golden is None
    [again], [kept] = export_run(run, [recipe]), export_run(run, [recipe])
    assert not again.cached
    assert again.inputs == old.inputs, "an INT8 model that formats share keeps its cache key too"
    assert artifact.read(again.path).metadata.golden is not None
    assert kept.cached
