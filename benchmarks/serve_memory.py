"""What memory `edgeall serve` takes, and how fast it answers: `make serve-memory ARTIFACT=...`.

The station runs on one processor. Two clients at once send pictures to it, as its page does. Memory is the
proportional set size (PSS) of /proc/PID/smaps_rollup, in which pages that processes share are counted in parts: before
the first picture, after a tenth of them and after all; and the peak of its resident pages.

The pictures are drawn smears, 2592 x 1944 pixels, JPEG quality 90. They get a verdict each (`--force`).
"""

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from classify_speed import SIZE, draw

from edgeall import artifact, files
from edgeall.artifact import Artifact

MOST_BYTES = 150_000_000
"""The goal for the PSS of a station."""
CLIENTS = 2


@dataclass(frozen=True)
class Taken:
    """Bytes, and seconds that all pictures took."""

    before: int
    tenth: int
    after: int
    peak: int
    seconds: float


def main() -> int:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact", type=Path, help="a TFLite artifact")
    parser.add_argument(
        "--pictures", type=int, default=1000, metavar="N", help="that are sent (default: 1000)"
    )
    parser.add_argument("--out", type=Path, help="Markdown file; default: standard output")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    model = artifact.read(args.artifact)
    with tempfile.TemporaryDirectory(prefix="edgeall-serve-") as scratch:
        pictures = [Path(path).read_bytes() for path in draw(Path(scratch) / "all", args.pictures)]
        taken = measured(model, Path(scratch) / "log.db", pictures)
    table = "\n".join(_lines(model, args.pictures, taken, load)) + "\n"
    if args.out is None:
        print(table)
    else:
        files.write_text(args.out, table)
    return 0


def measured(model: Artifact, log: Path, pictures: Sequence[bytes]) -> Taken:
    """A station that gets all pictures."""
    first = sorted(os.sched_getaffinity(0))[0]
    command = [str(Path(sys.executable).with_name("edgeall")), "serve", "--json", "--port", "0", "--force"]
    with subprocess.Popen(  # noqa: S603
        [*command, "--model", str(model.path), "--log", str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, [first]),
    ) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        place = Path(f"/proc/{process.pid}")
        before, tenth = _pss(place), len(pictures) // 10
        began = time.perf_counter()
        send(url, pictures[:tenth])
        some = _pss(place)
        send(url, pictures[tenth:])
        seconds = time.perf_counter() - began
        taken = Taken(before, some, _pss(place), _kilobytes(place / "status", "VmHWM") * 1024, seconds)
        process.terminate()
    return taken


def send(url: str, pictures: Sequence[bytes]) -> None:
    """Send pictures by `CLIENTS` clients; exits where one gets no verdict."""
    place = urlsplit(url)

    def client(number: int) -> None:
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        for picture in pictures[number::CLIENTS]:
            connection.request("POST", "/api/pictures?name=smear.jpg", picture)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 or json.loads(body)["picture"]["score"] is None:
                sys.exit(f"no verdict: {body.decode()}")
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))


def _lines(model: Artifact, count: int, taken: Taken, load: float) -> list[str]:
    metadata = model.metadata
    return [
        "# What memory `edgeall serve` takes",
        "",
        f"{metadata.provenance.backbone}, {metadata.precision}, in LiteRT, on one processor; pictures of "
        f"{SIZE[0]} x {SIZE[1]} pixels from {CLIENTS} clients at once. Made by `make serve-memory`.",
        "",
        "| | figure | goal |",
        "| --- | ---: | --- |",
        f"| PSS before the first picture, MB | {taken.before / 1e6:.0f} | |",
        f"| PSS after {count // 10} pictures, MB | {taken.tenth / 1e6:.0f} | |",
        f"| PSS after {count} pictures, MB | {taken.after / 1e6:.0f} | at most {MOST_BYTES / 1e6:.0f} |",
        f"| peak of resident pages, MB | {taken.peak / 1e6:.0f} | |",
        f"| pictures a second | {count / taken.seconds:.1f} | |",
        "",
        f"The machine's load was {load:.1f} when this began and {os.getloadavg()[0]:.1f} when it ended, on "
        f"{os.cpu_count()} processors.",
    ]


def _pss(place: Path) -> int:
    return _kilobytes(place / "smaps_rollup", "Pss") * 1024


def _kilobytes(path: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", path.read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None, f"{path} does not tell {name}"
    return int(found[1])


if __name__ == "__main__":
    sys.exit(main())
