"""What rounds of `make bench` hold for."""

from pathlib import Path

from bench import samples


def test_rounds_of_a_run_hold_for_its_artifacts_too(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "run.json").write_text("{}")
    names = [samples.name_of({"run": tmp_path}, quick=False)]
    for text in ('{"artifacts": [{"sha256": "1"}]}', '{"artifacts": [{"sha256": "2"}]}'):
        (tmp_path / "exports" / "manifest.json").write_text(text)
        names.append(samples.name_of({"run": tmp_path}, quick=False))
    assert len(set(names)) == 3
    assert names[-1] == samples.name_of({"run": tmp_path}, quick=True)
