"""Carrying out a plan on this machine: `python -m edgeall.measuring.runner < request.json > messages.jsonl`.

This is what runs on every device, this one or one far away; it needs the field tier alone. The request is
{"plan": ..., "finished": [keys]}; the messages are those of `edgeall.measuring.records`. The runner sleeps while a
worker measures.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Collection, Generator, Sequence
from pathlib import Path
from typing import Any

from edgeall import documents
from edgeall.errors import EdgeallError, MeasurementError, UsageError
from edgeall.measuring import environment as machine
from edgeall.measuring import nvidia
from edgeall.measuring.instructions import counter
from edgeall.measuring.plan import Job, Plan, jobs, key, order
from edgeall.measuring.records import (
    NOT_TRIED,
    AlreadyRecorded,
    EndOfMeasuring,
    FigureKey,
    Message,
    Record,
    Start,
    to_line,
)
from edgeall.measuring.signals import ending

_PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])


def run_plan(plan: Plan, finished: Collection[str] = ()) -> Generator[Message, None, None]:
    """Carry out `plan`; jobs whose key is in `finished` are answered with `AlreadyRecorded` instead of being done.

    Yields `Start` before anything is measured (close the iterator to go no further), then one `Record` or
    `AlreadyRecorded` a job as each ends, then `EndOfMeasuring`. A worker that dies costs its artifact, not the others:
    an artifact that could not be scored is not measured any further, what failed with some threads is not tried again
    with as many, nor a batch that failed. Instructions are left out where nothing counts them, unless they are
    finished.
    """
    cores = machine.usable_cores()
    fingerprint = machine.fingerprint()
    if plan.settings.accelerators:
        fingerprint["cards"] = nvidia.cards()
        fingerprint["cards_shown"] = os.environ.get("CUDA_VISIBLE_DEVICES")
    counting = bool(counter())
    done = frozenset(finished)
    identified = (
        (job, key(plan, job, {**fingerprint, "surroundings": imposed(job.threads)}))
        for job in jobs(plan, cores)
    )
    planned = [
        (job, identity)
        for job, identity in identified
        if counting or job.kind != "instructions" or identity in done
    ]
    session = time.time_ns()
    yield Start(
        session,
        machine.environment(),
        tuple(
            (identity, FigureKey.of(job.artifact.sha256, job.kind, job.threads, job.batch, job.change))
            for job, identity in planned
        ),
    )
    given_up: dict[tuple[str, int | None, int | None], str] = {}
    for job, identity in planned:
        if identity in done:
            yield AlreadyRecorded(identity)
            continue
        sha256 = job.artifact.sha256
        reaches = ((sha256, None, None), (sha256, job.threads, None), (sha256, job.threads, job.batch))
        because = next((given_up[reach] for reach in reaches if reach in given_up), None)
        before = machine.state()
        result, error = (None, f"{NOT_TRIED}{because}") if because else work(plan, job)
        after = machine.state()
        if error and not because:
            given_up[reaches[{"accuracy": 0, "batch": 2}.get(job.kind, 1)]] = error
        thermal = machine.thermal(before, after, plan.settings.max_temperature_c)
        yield Record(
            *(identity, session, sha256, job.kind, job.threads, job.round, result, error, thermal),
            batch=job.batch,
            change=job.change,
        )
    yield EndOfMeasuring(machine.environment())


def work(plan: Plan, job: Job) -> tuple[dict[str, Any] | None, str | None]:
    """One job in a process of its own: (result, None), or (None, error) where it failed.

    The error is one line that names the artifact and why.
    """
    kind = job.change or (job.kind if job.batch == 1 else f"batch of {job.batch}")
    name = f"{Path(job.artifact.path).name} ({kind}, {job.threads} thread{'s'[: job.threads != 1]})"
    asked = dataclasses.asdict(order(plan, job, time.monotonic_ns()))
    under = counter() if job.kind == "instructions" else []
    try:
        answer = ask("worker", asked, job.threads, plan.settings.pass_seconds, under)
    except MeasurementError as error:
        return None, f"{name}: {error}"
    if "error" in answer:
        # The name is enough: its folder on a board tells nobody anything.
        why = str(answer["error"]).removeprefix(f"{job.artifact.path}: ")
        return None, f"{name}: {why.replace(f'{Path(job.artifact.path).parent}{os.sep}', '')}"
    return answer["result"], None


def ask(
    module: str, request: dict[str, Any], threads: int, seconds: float, under: Sequence[str] = ()
) -> dict[str, Any]:
    """What a module of this package answers in a process of its own, which ends with it: JSON in, JSON out.

    `under` are words that the process is started with.

    Raises:
        MeasurementError: it gave no answer, within `seconds` or at all; says what became of its process.
    """
    command = [*under, sys.executable, "-P", "-m", f"edgeall.measuring.{module}"]
    try:
        process = subprocess.run(  # noqa: S603
            command,
            input=json.dumps(request),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            env=surroundings(threads),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MeasurementError(f"stopped after {seconds:g} s without an answer") from None
    if process.returncode >= 0:
        with contextlib.suppress(ValueError):
            return dict(documents.parse(process.stdout))
    raise MeasurementError(f"its process {ending(process.returncode, process.stderr)}")


def surroundings(threads: int) -> dict[str, str]:
    """Environment of a process that measures: this package found wherever it lies, pools not sized by the shell."""
    inherited = dict(os.environ)
    paths = [_PACKAGE_PARENT, *filter(None, [inherited.get("PYTHONPATH")])]
    return inherited | {
        "PYTHONPATH": os.pathsep.join(paths),
        **imposed(threads),
    }


def imposed(threads: int) -> dict[str, str]:
    """Environment variables that decide what is computed with, whatever the shell says of them."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
        # Left to itself, CUDA counts the fastest card first, and nvidia-smi does not.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }


@dataclasses.dataclass(frozen=True)
class _Request:
    plan: dict[str, Any]
    finished: tuple[str, ...]


def main() -> int:
    """Standard input to standard output, a line at a time."""
    try:
        request = documents.build(_Request, documents.parse(sys.stdin.read()))
        plan = Plan.from_dict(request.plan)
    except documents.DocumentError:
        print("edgeall: a request is {plan, finished} in JSON", file=sys.stderr)
        return UsageError.exit_status
    except EdgeallError as error:
        print(f"edgeall: {error}", file=sys.stderr)
        return error.exit_status
    for message in run_plan(plan, request.finished):
        print(to_line(message), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
