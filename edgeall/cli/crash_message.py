"""One line from a process that its inference engine is about to kill.

An engine's wheel may hold instructions that an older processor lacks; the first of them ends the process by SIGILL,
and no handler written in Python can run. `faulthandler` can: it is C, and writes the signal's name into a pipe. At the
pipe's other end a shell waits, which outlives this process and turns the name into a line with the way out. Starting
it takes about a millisecond; trying each engine in a process of its own beforehand would double the cold start.
"""

import contextlib
import faulthandler
import os
from collections.abc import Iterator

from edgeall.artifact import Artifact

# Reads the first line that `faulthandler` writes. "done" comes from a process that goes on. A pipe that ends without a
# line was closed by a signal that lets nothing be written, SIGKILL, or that is none of an engine's, SIGTERM.
# $1: for an illegal instruction; $2 and $3: around the name of any other signal; $4: for a pipe without a line.
_SHELL = """
trap '' INT TERM HUP
IFS= read -r said
case "$said" in
  done) ;;
  "Fatal Python error: Illegal instruction"*) printf '%s\\n' "$1" ;;
  "Fatal Python error: "*) printf '%s (%s)%s\\n' "$2" "${said#Fatal Python error: }" "$3" ;;
  "") printf '%s\\n' "$4" ;;
esac >&2
"""


@contextlib.contextmanager
def crash_message(artifact: Artifact) -> Iterator[None]:
    """While an engine works on `artifact`: if a signal ends this process, one line on standard error names both and
    the way out. The process still ends by that signal.

    Where Python's own fault handler is on already, nothing is done; where there is no `/bin/sh`, it is turned on.
    """
    if faulthandler.is_enabled():
        yield
        return
    from edgeall.engines import ENGINES

    model, engine = artifact.path, ENGINES[artifact.metadata.format].title
    way_out = ": take an artifact of another format, or another version of the engine"
    words = (
        f"edgeall: {model}: {engine} needs an instruction that this processor lacks (SIGILL){way_out}",
        f"edgeall: {model}: {engine} crashed",
        way_out,
        f"edgeall: {model}: ended from outside while {engine} was at work: for lack of memory, or by another program",
    )
    try:
        listening, speaking = os.pipe()
    except OSError:
        yield
        return
    try:
        shell = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", _SHELL, "edgeall", *words],
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, listening, 0),
                # A reader of the command's output must not wait for the shell as well.
                (os.POSIX_SPAWN_CLOSE, 1),
            ],
        )
    except (OSError, AttributeError):
        os.close(speaking)
        with contextlib.suppress(OSError, RuntimeError):
            faulthandler.enable()
        yield
        return
    finally:
        os.close(listening)
    faulthandler.enable(speaking, all_threads=False)
    try:
        yield
    finally:
        faulthandler.disable()
        with contextlib.suppress(OSError):
            os.write(speaking, b"done\n")
        os.close(speaking)
        with contextlib.suppress(ChildProcessError, InterruptedError):
            os.waitpid(shell, 0)
