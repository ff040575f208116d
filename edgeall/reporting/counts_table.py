"""Instructions counted on an emulated board, and the latency they speak for: never in the table of latencies."""

from edgeall.reporting import formatting
from edgeall.reporting.checked import At
from edgeall.reporting.document import Bench, Counts, Guess
from edgeall.reporting.side import SideTable

HEADING = "Instructions, and an estimate"
COLUMNS = ("artifact", "million instructions", "latency on a real board")


def read(at: At) -> Counts | None:
    """From a result; None where it tells nothing of instructions.

    Raises:
        MeasurementError: something in it is not what it should be; names the key at fault.
    """
    told = at.maybe("instructions_told")
    if told is None:
        return None
    instructions, estimated = at.maybe("instructions"), at.maybe("latency_estimate")
    guess = _guess(estimated)
    return Counts(
        None if instructions is None else instructions.count(),
        _reason(told) if instructions is None else None,
        guess,
        _reason(estimated) if guess is None else None,
    )


def counts(bench: Bench) -> SideTable:
    """The table of a device."""
    told = [(result, result.counts) for result in bench.results if result.counts is not None]
    rows = tuple(
        (
            bench.label(result),
            formatting.UNKNOWN if each.instructions is None else f"{each.instructions / 1e6:.2f}",
            formatting.UNKNOWN if each.guess is None else _range(each.guess),
        )
        for result, each in told
    )
    notes = ["Instructions of one inference with one thread, counted by the emulator."] if told else []
    for reason in dict.fromkeys(each.reason for _, each in told if each.reason is not None):
        notes.append(f"{formatting.UNKNOWN} in instructions: {reason}.")
    for guess in dict.fromkeys(each.guess for _, each in told if each.guess is not None):
        notes += [note for note in _basis(guess) if note not in notes]
    # Without instructions there is no estimate either, and the reason is said above.
    unguessed = [each.unguessed for _, each in told if each.instructions is not None]
    for reason in dict.fromkeys(reason for reason in unguessed if reason is not None):
        notes.append(f"{formatting.UNKNOWN} in latency: {reason}.")
    return SideTable(HEADING, COLUMNS, (1,), rows, tuple(notes))


def _range(guess: Guess) -> str:
    beyond = ", beyond what it is calibrated on" if guess.extrapolated else ""
    ends = "–".join(formatting.significant(end, 2) for end in (guess.low, guess.high))
    return f"≈ {ends} ms estimated{beyond}"


def _basis(guess: Guess) -> list[str]:
    errors = formatting.listed([f"{100 * error:+.0f}%" for error in guess.errors])
    return [
        f"≈ estimated, not measured, for {formatting.threads(guess.threads)} at {guess.clock_hz / 1e9:.1f} GHz: "
        f"{guess.method}.",
        f"Each published latency, estimated from the others of {guess.board}, comes out wrong by {errors}. "
        "Ranges that overlap say nothing of which is faster.",
    ]


def _guess(at: At | None) -> Guess | None:
    if at is None or (ends := at.maybe("latency_ms")) is None:
        return None
    at.get("latency_kind").one_of(("estimated",))
    low = ends.get("low").number(0.0)
    return Guess(
        low=low,
        high=ends.get("high").number(low),
        board=at.get("board").text(),
        threads=at.get("threads").count(),
        clock_hz=at.get("clock_hz").number(1.0),
        method=at.get("method").text(),
        extrapolated=at.get("extrapolated").flag(),
        errors=tuple(each.get("leave_one_out_error").number() for each in at.get("calibration").items()),
    )


def _reason(at: At | None) -> str:
    reason = None if at is None else at.maybe("reason")
    return "no reason is told" if reason is None else reason.text()
