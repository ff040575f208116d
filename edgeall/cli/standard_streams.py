"""Standard input, output and error of this process, which its caller can have closed."""

import os
import sys

_OPENED = ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))
"""File descriptor and access. To read what can only be written, and the reverse, is an error that names the stream."""


def open_missing() -> None:
    """Give standard streams that are closed a file of their own.

    Otherwise the next file that is opened has the number of the stream, and a library that prints writes into that
    file. Results that nobody can read are an error; messages are dropped.
    """
    for number, access in _OPENED:
        try:
            os.fstat(number)
        except OSError:
            os.dup2(opened := os.open(os.devnull, access), number)
            if opened != number:
                os.close(opened)
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            stream = open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
