"""NVIDIA cards, as the driver's own tool tells of them; no library of theirs is needed."""

import os
import shutil
import subprocess
from typing import Any

_MIB = 1 << 20
_QUERY = ("name", "driver_version", "memory.total", "compute_cap")


def cards() -> list[dict[str, Any]]:
    """Name, driver, memory and compute capability of each; empty where the tool is missing or finds none."""
    return parse_cards(_ask(f"--query-gpu={','.join(_QUERY)}") or "")


def of_cuda(device: int) -> dict[str, Any] | None:
    """The card that CUDA's programs count as `device`, from 0, as `cards` tells of it; None where that is not known.

    They are to count as the driver's tool does (`CUDA_DEVICE_ORDER`); `CUDA_VISIBLE_DEVICES` may hide some from them.
    """
    known = cards()
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if shown is not None and len(known) > 1:
        numbers = shown.split(",")
        # Cards may be named by identifiers too, which are not asked for.
        plain = all(number.isdecimal() and int(number) < len(known) for number in numbers)
        known = [known[int(number)] for number in numbers] if plain else []
    return known[device] if device < len(known) else None


def memory_of_process(process: int | None = None) -> dict[str, Any]:
    """Bytes that a process (None: this one) holds on all cards now: {"bytes", "reason"}, one of them None."""
    told = _ask("--query-compute-apps=pid,used_memory")
    if told is None:
        return {"bytes": None, "reason": "nvidia-smi is not here or does not answer; no other tool is asked"}
    return parse_memory(told, os.getpid() if process is None else process)


def parse_cards(told: str) -> list[dict[str, Any]]:
    """From lines of comma-separated values, memory in MiB."""
    found = []
    for line in told.splitlines():
        values = [value.strip() for value in line.split(",")]
        if len(values) == len(_QUERY):
            name, driver, memory, capability = values
            size = int(memory) * _MIB if memory.isdecimal() else None
            found.append(
                {"name": name, "driver": driver, "memory_bytes": size, "compute_capability": capability}
            )
    return found


def parse_memory(told: str, process: int) -> dict[str, Any]:
    """From lines of process number and MiB; a process on several cards has a line for each."""
    lines = [[value.strip() for value in line.split(",")] for line in told.splitlines()]
    mine = [values[1] for values in lines if len(values) == 2 and values[0] == str(process)]
    if not mine:
        return {"bytes": None, "reason": "nvidia-smi does not list this process (in a container it may not)"}
    if not all(value.isdecimal() for value in mine):
        return {"bytes": None, "reason": f"nvidia-smi tells {mine[0]} for this process"}
    return {"bytes": sum(map(int, mine)) * _MIB, "reason": None}


def _ask(query: str) -> str | None:
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603
            [command, query, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
