"""Energy from the PMIC of a board behind ssh. The board's `vcgencmd` is a mock; see `tests/measuring/test_pmic.py`."""

import dataclasses
import os
from contextlib import closing
from pathlib import Path

import pytest
from loopback_board import LoopbackBoard
from over_ssh import SHORT

from edgeall.measuring import energy, pmic
from edgeall.measuring.plan import Plan
from edgeall.measuring.records import Record
from edgeall.targets import SshTarget


@pytest.mark.skipif(bool(energy.packages()), reason="this machine's own energy counters come first")
def test_a_boards_pmic_is_read_while_it_infers(plan: Plan, tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "vcgencmd"
    tool.parent.mkdir()
    channels = "VDD_CORE_A current(7)=4.00000000A\nVDD_CORE_V volt(15)=0.75000000V\n"
    tool.write_text(f"#!/bin/sh\ncat <<'EOF'\n{channels}EOF\n")
    tool.chmod(0o755)
    once = dataclasses.replace(plan, settings=dataclasses.replace(SHORT, rounds=1))
    path = f"{tool.parent}{os.pathsep}{os.environ['PATH']}"
    with LoopbackBoard(tmp_path / "board", PATH=path) as board, closing(SshTarget(board.profile())) as target:
        records = [message for message in target.measure(once, ()) if isinstance(message, Record)]
    (told,) = [record.result["energy"] for record in records if record.kind == "memory" and record.result]
    assert told["reason"] is None
    assert told["source"] == pmic.SOURCE
    assert told["joules"] / told["seconds"] == pytest.approx(3.0)
