"""One measurement in a process of its own: `python -m edgeall.measuring.worker`.

The order comes as JSON on standard input; the result leaves as JSON on standard output: {"result": ...}, or
{"error": ...} for what a user can mend. Whatever libraries print goes to standard error.
"""

import json
import os
import sys
from typing import TextIO


def main() -> int:
    """Carry out the order on standard input; exit status 0 also where the answer is an error."""
    answer_to = private_stdout()
    text = sys.stdin.read()
    # Imported here, so that nothing they print can reach standard output.
    from edgeall import documents
    from edgeall.errors import EdgeallError
    from edgeall.measuring.measurements import PASSES
    from edgeall.measuring.plan import WorkerJob

    order = documents.build(WorkerJob, documents.parse(text))
    try:
        answer: dict[str, object] = {"result": PASSES[order.kind](order)}
    except EdgeallError as error:
        answer = {"error": str(error)}
    with answer_to:
        json.dump(answer, answer_to, allow_nan=False)
    return 0


def private_stdout() -> TextIO:
    """Standard output for the answer alone; what native code writes to descriptor 1 from here on goes to 2."""
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "w", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
