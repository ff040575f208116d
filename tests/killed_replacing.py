"""A folder is replaced, and the process is stopped at every step: `python killed_replacing.py FOLDER EVERY WAY`.

EVERY is "line" or "opcode": at each line, or each instruction, of what replaces a folder, one child process ends by
SIGKILL there and one gets SIGINT. WAY is "exchange" or "renames" (as where two names cannot be exchanged). Prints JSON:
how many children there were, and what was found at the folder's path when they had ended, by count.
"""

import itertools
import json
import os
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

from edgeall import files

TRACED = (files.__file__, shutil.__file__)
DATA = {"one.bin": 3000, "in/two.bin": 70_000}


def fill(folder: Path, byte: bytes) -> None:
    for name, size in DATA.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(byte * size)


def content(folder: Path) -> str:
    """What a folder holds: "old", "new", "none", or "broken"."""
    if not folder.exists():
        return "none"
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for name, byte in (("old", b"o"), ("new", b"n")):
        if found == {part: byte * size for part, size in DATA.items()}:
            return name
    return "broken"


def replace(path: Path) -> None:
    with files.replacing_folder(path, overwrite=True) as part:
        fill(part, b"n")


def stopped_at(step: int, number: signal.Signals, every: str) -> None:
    """Send this process a signal at the step; counts lines or instructions of the traced files."""
    steps = itertools.count()

    def trace(frame: FrameType, event: str, _: object) -> object:
        if frame.f_code.co_filename not in TRACED:
            return None
        frame.f_trace_opcodes = every == "opcode"
        if event == every and next(steps) == step:
            sys.settrace(None)
            signal.raise_signal(number)
        return trace

    sys.settrace(trace)


def child(path: Path, step: int, number: signal.Signals, every: str) -> bool:
    """Whether a process that replaces the folder got as far as the step."""
    process = os.fork()
    if process == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        status = 1
        try:
            stopped_at(step, number, every)
            replace(path)
            sys.settrace(None)
            status = 0
        except KeyboardInterrupt:
            status = 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) != 0


def main(folder: Path, every: str, way: str) -> None:
    if way == "renames":
        files._exchange = lambda one, other: False
    path = folder / "run"
    found: Counter[str] = Counter()
    children = 0
    for number in (signal.SIGKILL, signal.SIGINT):
        for step in itertools.count():
            shutil.rmtree(folder)
            fill(path, b"o")
            if not child(path, step, number, every):
                break
            children += 1
            after = content(path)
            files._clean_up(path)
            left = sorted(each.name for each in folder.iterdir())
            found[
                f"{number.name}: {after}, then {content(path)}{'' if left == ['run'] else f' beside {left}'}"
            ] += 1
    print(json.dumps({"children": children, "found": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
