"""The second QEMU of an emulated board: one that counts instructions, for the programs that are started with it.

The QEMU that runs everything else is newer, much faster, and takes no plugins. `emulator/build.sh` builds both.
"""

import shlex
from pathlib import Path

ON_BOARD = Path("/opt/edgeall-counter")
"""Where the emulated board finds it."""


def words(counter: Path, cpu: str) -> str | None:
    """What the board starts a program with so that its instructions are counted, quoted for a shell; None where the
    counter was not built (it needs a C compiler).

    Its libraries are its own, by its own loader: this machine's may be of another release.
    """
    loader = next(counter.glob("lib/*/ld-linux-*.so.*"), None)
    if loader is None or not (counter / "count.so").is_file():
        return None
    triplet = loader.parent.name
    libraries = ":".join(str(ON_BOARD / folder / triplet) for folder in ("lib", "usr/lib"))
    return shlex.join(
        [
            *(str(ON_BOARD / loader.relative_to(counter)), "--library-path", libraries),
            *(str(ON_BOARD / "usr/bin/qemu-aarch64"), "-cpu", cpu, "-plugin", str(ON_BOARD / "count.so")),
            # Hashes that differ from process to process would move a few hundred instructions.
            *("-E", "PYTHONHASHSEED=0"),
        ]
    )
