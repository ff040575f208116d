"""Prints an error message when an inference engine crashes the process.

An engine's wheel can contain instructions that an older processor lacks. The first of them ends the process by SIGILL,
before any signal handler in Python can run. `faulthandler` is written in C and can: it writes the signal's name into a
pipe. A shell at the other end of the pipe outlives this process and prints the name in a message with a remedy.
Starting the shell takes about a millisecond. Testing each engine in its own process first would double the cold start.
"""

import contextlib
import faulthandler
import os
from collections.abc import Iterator

from edgeall.artifact import Artifact

# Reads the first line from `faulthandler`; "done" is written after normal completion. A pipe that closes without a line
# means a signal that `faulthandler` does not handle, such as SIGKILL or SIGTERM.
# $1: for an illegal instruction; $2 and $3: around the name of any other signal; $4: for a pipe without a line.
_SHELL = """
trap '' INT TERM HUP
IFS= read -r line
case "$line" in
  done) ;;
  "Fatal Python error: Illegal instruction"*) printf '%s\\n' "$1" ;;
  "Fatal Python error: "*) printf '%s (%s)%s\\n' "$2" "${line#Fatal Python error: }" "$3" ;;
  "") printf '%s\\n' "$4" ;;
esac >&2
"""


@contextlib.contextmanager
def crash_message(artifact: Artifact) -> Iterator[None]:
    """If a signal ends this process during the block, print a line with the artifact, the engine and a remedy.

    The line goes to standard error, and the process still ends by that signal. Where Python's fault handler is already
    enabled, nothing is changed. Without `/bin/sh`, Python's fault handler is enabled instead.
    """
    if faulthandler.is_enabled():
        yield
        return
    from edgeall.engines import ENGINES

    model, engine = artifact.path, ENGINES[artifact.metadata.format].title
    remedy = ": use an artifact of another format, or another version of the engine"
    messages = (
        f"edgeall: {model}: {engine} needs an instruction that this processor lacks (SIGILL){remedy}",
        f"edgeall: {model}: {engine} crashed",
        remedy,
        f"edgeall: {model}: killed while {engine} was running: out of memory, or by another program",
    )
    try:
        read_end, write_end = os.pipe()
    except OSError:
        yield
        return
    try:
        shell = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", _SHELL, "edgeall", *messages],
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, read_end, 0),
                # Otherwise a reader of standard output would wait for the shell.
                (os.POSIX_SPAWN_CLOSE, 1),
            ],
        )
    except (OSError, AttributeError):
        os.close(write_end)
        with contextlib.suppress(OSError, RuntimeError):
            faulthandler.enable()
        yield
        return
    finally:
        os.close(read_end)
    faulthandler.enable(write_end, all_threads=False)
    try:
        yield
    finally:
        faulthandler.disable()
        with contextlib.suppress(OSError):
            os.write(write_end, b"done\n")
        os.close(write_end)
        with contextlib.suppress(ChildProcessError, InterruptedError):
            os.waitpid(shell, 0)
