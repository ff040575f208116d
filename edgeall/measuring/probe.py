"""Whether an engine can compute on an accelerator here: `python -m edgeall.measuring.probe`, a process of its own.

Asking opens the engine there, and a process that once did so holds a card's context and some of its memory until it
ends, which must not be while others are measured. The request is {"format", "provider", "device"} in JSON on standard
input; {"lacking": reason or null} leaves on standard output.
"""

import json
import sys


def main() -> int:
    """Answer one request."""
    from edgeall.measuring.worker import private_stdout

    answer_to = private_stdout()
    from edgeall.runtimes import Accelerator, lacking

    asked = json.load(sys.stdin)
    reason = lacking(asked["format"], Accelerator(asked["provider"], asked["device"]))
    with answer_to:
        json.dump({"lacking": reason}, answer_to)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
