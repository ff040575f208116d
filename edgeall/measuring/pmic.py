"""Power of a Raspberry Pi 5, as its power management chip (PMIC) tells through the firmware: `vcgencmd pmic_read_adc`.

The chip gives volts and amperes of the board's supply rails, that of HDMI among them, and only volts of the 5 V input
and of the clock's battery. So the sum over rails with both is less than what the board takes from its plug: what is fed
with 5 V directly (USB devices, fan, HAT, NVMe) and the losses of the converters are not in it. All else that the board
does meanwhile is.

There is no counter of energy. The power is sampled while the work runs, and its mean is multiplied by the time. One
reading takes about 24 ms, nearly all of it in the firmware, as others measured
(https://github.com/ml-energy/zeus/pull/274); ten a second disturb little. Power that changes faster than the readings
is seen by chance alone.

Standard library only. Raspberry Pi documents `vcgencmd` at
https://www.raspberrypi.com/documentation/computers/os.html#vcgencmd, and its source is
https://github.com/raspberrypi/utils/tree/master/vcgencmd.
"""

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SOURCE = "PMIC: the board's rails, without 5 V to USB, fan and HAT, and without converters' losses"

SECONDS = 5.0
"""Of work: about 50 readings."""

INTERVAL_SECONDS = 0.1
"""From the start of one reading to that of the next."""

LEAST_READINGS = 10

_TIMEOUT_SECONDS = 5
_LONGEST_ANSWER = 10_000
_CHANNEL = re.compile(r"\s*(\w+)_([VA]) (?:volt|current)\(\d+\)=(\d+(?:\.\d+)?)([VA])\s*")
_NO_DEVICE = "Can't open device file"


class PmicError(Exception):
    """The chip tells no power; the message is why, in a line."""


def command() -> str | None:
    """Path of the program that asks the firmware; None where there is none."""
    return shutil.which("vcgencmd")


def watts(answer: str) -> dict[str, float]:
    """Watts of each rail of which both volts and amperes are told, by its name.

    Raises:
        PmicError: there is no such rail.
    """
    told: dict[str, dict[str, float]] = {"V": {}, "A": {}}
    for line in answer[:_LONGEST_ANSWER].splitlines():
        channel = _CHANNEL.fullmatch(line)
        if channel and channel[2] == channel[4]:
            told[channel[2]][channel[1]] = float(channel[3])
    rails = {rail: volts * told["A"][rail] for rail, volts in told["V"].items() if rail in told["A"]}
    if not rails:
        raise PmicError(
            "vcgencmd pmic_read_adc tells no rail's volts and amperes, as only a Raspberry Pi 5's does"
        )
    return rails


def read(vcgencmd: str) -> dict[str, float]:
    """Watts of each rail now.

    Raises:
        PmicError: it cannot be run, does not end, or tells no power.
    """
    try:
        done = subprocess.run(  # noqa: S603
            [vcgencmd, "pmic_read_adc"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except OSError as error:
        raise PmicError(f"{vcgencmd} cannot be run ({error.strerror})") from None
    except subprocess.TimeoutExpired:
        raise PmicError(f"vcgencmd pmic_read_adc gave no answer within {_TIMEOUT_SECONDS} s") from None
    if _NO_DEVICE in done.stdout + done.stderr:
        raise PmicError(
            "vcgencmd may not ask the firmware (/dev/vcio); to allow it: sudo usermod -aG video $USER, and log in again"
        )
    return watts(done.stdout)


class Sampler:
    """Readings while a block of work runs.

    Attributes:
        totals: watts, summed over rails, of each reading that began and ended within the block.
        rails: names of the rails in every reading.
        error: why the last reading failed; nothing is read after it.
    """

    def __init__(self, vcgencmd: str) -> None:
        self.totals: list[float] = []
        self.rails: tuple[str, ...] = ()
        self.error: str | None = None
        self._vcgencmd = vcgencmd
        self._ended = threading.Event()

    def sample(self) -> None:
        """Read until the block ends."""
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                rails = read(self._vcgencmd)
            except PmicError as error:
                self.error = str(error)
                return
            if self.rails not in ((), tuple(rails)):
                self.error = "vcgencmd pmic_read_adc tells other rails from reading to reading"
                return
            if self._ended.is_set():
                return
            self.rails = tuple(rails)
            self.totals.append(sum(rails.values()))
            self._ended.wait(max(0.0, began + INTERVAL_SECONDS - time.monotonic()))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Samples in a thread of its own, which mostly waits for the firmware."""
        thread = threading.Thread(target=self.sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()


@dataclass(frozen=True)
class Power:
    """Mean power of the rails while some inferences ran.

    Attributes:
        seconds: that they took.
        readings: of which `watts` is the mean.
    """

    watts: float
    seconds: float
    inferences: int
    readings: int


def power(vcgencmd: str, work: Callable[[], int]) -> Power:
    """Power while `work` runs, which returns its number of inferences. It does not run where nothing can be read.

    Raises:
        PmicError: a reading fails, there are fewer than `LEAST_READINGS`, or all are 0 W.
    """
    read(vcgencmd)
    sampler = Sampler(vcgencmd)
    began = time.perf_counter()
    with sampler.running():
        inferences = work()
        seconds = time.perf_counter() - began
    readings = len(sampler.totals)
    if sampler.error:
        raise PmicError(sampler.error)
    if readings < LEAST_READINGS:
        raise PmicError(
            f"the PMIC was read {readings} times, fewer than the {LEAST_READINGS} that tell its power"
        )
    mean = sum(sampler.totals) / readings
    if not mean > 0:
        raise PmicError("the PMIC tells 0 W")
    return Power(mean, seconds, inferences, readings)
