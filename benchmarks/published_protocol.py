"""All six backbones by the published protocol on one set, then side by side: `make paper`.

Without a data folder it draws the synthetic ALL-IDB1, of which no figure says anything about leukaemia. Few epochs
show that every output is there; the published number is 50.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from edgeall.training import BACKBONES


def main() -> int:
    """Give the commands one by one; runs that are there are taken as they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of images (default: drawn anew)")
    parser.add_argument("--out", type=Path, default=Path("paper"))
    parser.add_argument("--epochs", default="2")
    parser.add_argument("--weights", default="random", help="random or imagenet")
    args = parser.parse_args()
    data = args.data or args.out / "data"
    if not data.exists():
        edgeall("data", "synth", str(data))
    runs = args.out / "runs"
    for backbone in BACKBONES:
        if (runs / backbone / "run.json").exists():
            continue
        started = time.monotonic()
        edgeall(
            *("train", str(data), "--recipe", "paper", "--backbone", backbone, "--epochs", args.epochs),
            *("--weights", args.weights, "--out", str(runs), "--name", backbone),
        )
        print(f"{backbone}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return edgeall("compare", *(str(runs / backbone) for backbone in BACKBONES), fails=(1,))


def edgeall(*argv: str, fails: tuple[int, ...] = ()) -> int:
    """Run a command of edgeall; the statuses in `fails` are answers, any other ends this."""
    status = subprocess.run([sys.executable, "-m", "edgeall", *argv], check=False).returncode  # noqa: S603
    if status and status not in fails:
        raise SystemExit(status)
    return status


if __name__ == "__main__":
    sys.exit(main())
