"""Whether an engine can be imported here, or compute on an accelerator: `python -m edgeall.measuring.probe`, a process
of its own.

An engine that is built for a newer processor ends the process that imports it. And a process that once opened an
engine on a card holds the card's context and some of its memory until it ends, which must not be while others are
measured. The request is {"format"} or {"format", "provider", "device"} in JSON on standard input;
{"lacking": reason or null} leaves on standard output.
"""

import json
import sys


def main() -> int:
    """Answer one request."""
    from edgeall.measuring.worker import private_stdout

    answer_to = private_stdout()
    from edgeall.runtimes import Accelerator, lacking, unusable

    asked = json.load(sys.stdin)
    if "provider" in asked:
        reason = lacking(asked["format"], Accelerator(asked["provider"], asked["device"]))
    else:
        reason = unusable(asked["format"])
    with answer_to:
        json.dump({"lacking": reason}, answer_to)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
