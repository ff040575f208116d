"""What a person reads first in a kit, and the program that runs first."""

from collections.abc import Sequence

BOOTSTRAP = '''"""The kit's own program: python3 KIT install, python3 KIT verify."""

import os
import sys

sys.dont_write_bytecode = True
if globals().get("__cached__") and os.path.isfile(__cached__):
    # Python has left bytecode of this file in the kit's folder, where it would be a file too many.
    os.remove(__cached__)
    os.rmdir(os.path.dirname(__cached__))
if sys.version_info < (3, 11):
    sys.stderr.write("edgeall-kit: Python 3.11 or newer is needed, and this is " + sys.version.split()[0] + "\\n")
    sys.exit(2)

from pathlib import Path

from station.command import main

sys.exit(main(Path(__file__).resolve().parent))
'''
"""`__main__.py`, which Python runs where the kit's archive (.zip) or folder is named. Older Pythons can read it."""


def guide(suffix: str, device: str, pythons: Sequence[str], system: str) -> str:
    """`README.txt`, for a technician."""
    python = "py" if system == "Windows" else "python3"
    kit = "KIT.zip" if suffix == ".zip" else "THIS-FOLDER"
    command = (
        "%LOCALAPPDATA%\\edgeall-station\\bin\\edgeall"
        if system == "Windows"
        else "~/.local/share/edgeall-station/bin/edgeall"
    )
    unpack = (
        "The archive need not be unpacked: Python runs it as it is."
        if suffix == ".zip"
        else "Unpack it first: tar --zstd -xf KIT.tar.zst (this needs the program zstd).\n"
        "THIS-FOLDER is what it unpacks to."
    )
    return f"""edgeall: a kit for {device}, with Python {" or ".join(pythons)}
Research use only. edgeall is not a medical device.

{unpack}
Nothing of it needs the internet, an administrator, pip or venv.

1. Check it:    {python} {kit} verify --key station.pub
   station.pub is the public key of who made the kit. Get it in another way than the kit.
2. Install it:  {python} {kit} install --key station.pub
3. Classify:    {command} classify PICTURE
   The page:    {command} serve
   All day:     {command} watch FOLDER-OF-THE-CAMERA
   The log:     {command} log show

A later kit:    {command}-kit install LATER-KIT
Back again:     {command}-kit rollback
What is in use: {command}-kit status

Licences of all that is in it are in licences/, its parts in sbom.cdx.json, the model's description in model-card.md.
"""
