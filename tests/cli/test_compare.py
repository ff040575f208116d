"""`edgeall compare` as a user calls it: exit status, one JSON document, one line for each mistake."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from answered_run import make_answered_run

from edgeall.cli.main import main

Compare = Callable[..., tuple[int, str, str]]


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Compare:
    """Called in a folder whose runs are: best, same (as good), and worse (three of 22 wrong)."""
    monkeypatch.chdir(tmp_path)
    for name, wrong in {"best": [], "same": [], "worse": [0, 1, 12]}.items():
        make_answered_run(tmp_path / "runs" / name, wrong)

    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(["compare", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def test_status_0_when_nothing_is_worse(compare: Compare) -> None:
    status, out, _ = compare("best", "same")
    assert status == 0
    assert "Compared with best" in out
    assert "accuracy 0.0 points" in out
    assert "Nothing is worse beyond its tolerance." in out


def test_status_1_when_a_later_one_is_worse_and_whether_the_data_show_it(compare: Compare) -> None:
    status, out, _ = compare("runs/best", "runs/same", "runs/worse")
    assert status == 1
    assert "beyond tolerance; difference not shown" in out
    assert "accuracy −13.6 points" in out
    assert "though the data do not show a difference" in out
    assert "Of the 3 differences in this ranking the data support none" in out


def test_better_is_never_worse(compare: Compare) -> None:
    assert compare("worse", "best")[0] == 0


def test_tolerances_are_the_users(compare: Compare) -> None:
    assert compare("best", "worse", "--tolerance-accuracy", "0.2", "--tolerance-auc", "0.5")[0] == 0
    assert compare("best", "worse", "--tolerance-accuracy", "0.2")[0] == 1


def test_missed_findings_can_be_held_against_a_tolerance_of_their_own(compare: Compare) -> None:
    lenient = ("--tolerance-accuracy", "0.2", "--tolerance-auc", "0.5")
    # "worse" misses one of ten findings, and calls two of twelve healthy images leukaemic.
    status, out, _ = compare("best", "worse", *lenient, "--tolerance-sensitivity", "0.05")
    assert status == 1
    assert "sensitivity −10.0 points" in out
    assert "Sensitivity is beyond the tolerance of 5 points, though the data do not show" in out
    assert "pecificity is beyond" not in out
    assert compare("best", "worse", *lenient, "--tolerance-sensitivity", "0.1")[0] == 0
    assert compare("best", "worse", *lenient, "--tolerance-specificity", "0.1")[0] == 1


def test_json_is_one_document_and_the_table_goes_to_standard_error(compare: Compare) -> None:
    status, out, err = compare("best", "worse", "--json")
    document = json.loads(out)
    assert status == 1
    assert [source["name"] for source in document["sources"]] == ["best", "worse"]
    assert document["worse"][0] == {"name": "worse", "place": None, "metric": "accuracy", "supported": False}
    accuracy = document["comparisons"][0]["differences"]["accuracy"]
    assert accuracy["delta"]["value"] == pytest.approx(-3 / 22)
    assert accuracy["p_value"] == pytest.approx(0.25)
    assert "Compared with best" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("best", "nowhere"),
            "nowhere: neither a run, nor an ensemble, nor pooled folds, nor a result file of bench",
        ),
        (("best", "nowhere.json"), "nowhere.json: no such file; make results with: edgeall bench"),
        (("best", "runs/best"), "is named twice"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_status_2(
    arguments: tuple[str, ...], said: str, compare: Compare
) -> None:
    status, out, err = compare(*arguments)
    assert status == 2
    assert out == ""
    assert said in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("value", ["two", "-0.1", "1.5", "nan"])
def test_a_tolerance_that_is_no_share_is_wrong_usage(value: str, compare: Compare) -> None:
    with pytest.raises(SystemExit) as ended:
        compare("best", "same", f"--tolerance-accuracy={value}")
    assert ended.value.code == 2


def test_help_tells_tolerances_and_statuses(compare: Compare, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        compare("--help")
    said = " ".join(capsys.readouterr().out.split())
    assert "default: 0.01" in said
    assert "default: 1.1" in said
    assert "Exit status 1 when a later one's figure" in said
