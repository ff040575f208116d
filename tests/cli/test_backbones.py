"""`edgeall backbones`."""

import json
import subprocess
import sys

import pytest

from edgeall.cli.main import main
from edgeall.training import BACKBONES, HEADS


def test_json_has_each_backbone_with_each_head(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbones", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {(row["name"], row["head"]) for row in rows} == {(b, h) for b in BACKBONES for h in HEADS}
    for row in rows:
        assert row["input_size"] == 224
        assert row["preprocessing"] in ("tf", "caffe", "torch")
        params = row["params"]
        assert params["total"] == params["trainable"] + params["non_trainable"]


def test_the_table_shows_the_published_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbones"]) == 0
    shown = capsys.readouterr().out
    for count in ("21,170,497", "26,480,193", "25,723,393", "24,117,761", "18,313,473", "34,908,833"):
        assert count in shown


def test_it_needs_no_keras() -> None:
    code = (
        "import sys; from edgeall.cli.main import main; main(['backbones', '--json']);"
        "assert not {'keras', 'tensorflow', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
