"""What it means that a signal ended a process which ran an engine."""

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


def ended_by(number: int) -> str:
    """A signal's name and what it means of an engine: "SIGILL (illegal instruction: ...)"."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    meaning = _MEANINGS.get(name)
    return f"{name} ({meaning})" if meaning else name
