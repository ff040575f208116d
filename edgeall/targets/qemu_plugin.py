"""The second QEMU of an emulated board, with a plugin that counts instructions of the programs started with it.

The QEMU that runs everything else is newer, much faster, and does not support plugins. `emulator/build.sh` builds both.
"""

import shlex
from pathlib import Path

ON_BOARD = Path("/opt/edgeall-counter")
"""Its folder on the emulated board."""


def command_prefix(counter: Path, cpu: str) -> str | None:
    """The prefix of a command whose instructions are counted, quoted for a shell.

    None where the counter was not built (it needs a C compiler). It runs with its own loader and libraries, because
    this machine's can be of another release.
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
            # Random hashes would change counts by a few hundred instructions.
            *("-E", "PYTHONHASHSEED=0"),
        ]
    )
