"""Runs commands at once and tells what they took: `python -I -S timed_processes.py < commands.json`.

Standard library alone, so that this process is small: the system counts a new process's memory from that of the process
that starts it. The input is a JSON list of commands, the output one JSON object.
"""

import json
import os
import subprocess
import sys
import threading
import time


def main() -> int:
    """Run, and print elapsed and processor seconds, the largest peak of resident bytes, and what each wrote."""
    commands = json.load(sys.stdin)
    started = time.perf_counter()
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
        for command in commands
    ]
    written = [["", ""] for _ in running]

    def listen(index: int, stream: str, kind: int) -> None:
        written[index][kind] = getattr(running[index], stream).read().decode()

    listeners = [
        threading.Thread(target=listen, args=(index, stream, kind))
        for index in range(len(running))
        for kind, stream in enumerate(("stdout", "stderr"))
    ]
    for listener in listeners:
        listener.start()
    for listener in listeners:
        listener.join()
    ended = [os.wait4(process.pid, 0)[1:] for process in running]
    elapsed = time.perf_counter() - started
    for process, (status, _) in zip(running, ended, strict=True):
        process.returncode = os.waitstatus_to_exitcode(status)
    answer = {
        "elapsed": elapsed,
        "processor": sum(used.ru_utime + used.ru_stime for _, used in ended),
        "peak": max(used.ru_maxrss for _, used in ended) * 1024,
        "status": [process.returncode for process in running],
        "output": [output for output, _ in written],
        "errors": [errors for _, errors in written],
    }
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
