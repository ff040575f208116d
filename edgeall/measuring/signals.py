"""How a process that ran an engine ended, in words."""

import signal

ILLEGAL = "illegal instruction: the engine is built for a newer processor than this one"

_MEANINGS = {
    "SIGILL": ILLEGAL,
    "SIGSEGV": "a crash inside the engine",
    "SIGBUS": "a crash inside the engine, or a damaged file of it",
    "SIGFPE": "a crash inside the engine",
    "SIGABRT": "the engine gave up",
    "SIGKILL": "out of memory?",
}


def ending(status: int, output: str) -> str:
    """The end of a process by its exit status and what it printed.

    "was killed by SIGSEGV (a crash inside the engine)", or "ended with status 1: <its last line>".
    """
    if status < 0:
        return f"was killed by {ended_by(-status)}"
    return f"ended with status {status}: {last_line(output) or 'no message'}"


def last_line(output: str) -> str:
    """The last line that is not blank, of printable characters, at most 200; "" where there is none."""
    line = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")
    text = "".join(filter(str.isprintable, line))
    return text if len(text) <= 200 else f"{text[:197]}..."


def ended_by(number: int) -> str:
    """A signal's name and what it means of an engine: "SIGILL (illegal instruction: ...)"."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    meaning = _MEANINGS.get(name)
    return f"{name} ({meaning})" if meaning else name
