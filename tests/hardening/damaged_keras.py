"""Damaged .keras files under `import`: a run, or one line."""

import io
import json
import os
import random
import shutil
import zipfile
from pathlib import Path

from campaign import Kind, promise
from changed_bytes import changed_bytes
from commands import call, working_in
from damaged_documents import one_changed, unpack

from edgeall import runs

IMPORT = "import damaged.keras --labels hem,all --positive all --preprocessing tf --out made --name new --overwrite"


class DamagedKeras(Kind):
    quick, sample, full = 0, 150, 1_000

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        os.environ["MPLCONFIGDIR"] = str(place / "matplotlib")
        shutil.rmtree(place / "journey", ignore_errors=True)
        unpack(place / "journey")
        with zipfile.ZipFile(place / "journey" / "runs" / "cells" / "model.keras") as sound:
            self.parts = {name: sound.read(name) for name in sound.namelist()}

    def one(self, seed: int) -> str:
        rng = random.Random(seed)
        parts = dict(self.parts)
        name = rng.choice(("config.json", "config.json", "config.json", "metadata.json", "model.weights.h5"))
        parts[name] = _spoilt(rng, name, parts[name])
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for part, content in parts.items():
                archive.writestr(part, content)
        whole = file.getvalue()
        (self.place / "damaged.keras").write_bytes(changed_bytes(rng, whole) if seed % 10 == 0 else whole)
        shutil.rmtree(self.place / "made", ignore_errors=True)
        with working_in(self.place):
            said = call(*IMPORT.split())
        if said.status == 2:
            promise(not list((self.place / "made").glob("*")), "status 2, and a run")
            return f"{name} refused"
        runs.load(self.place / "made" / "new")
        return f"{name} imported"


def _spoilt(rng: random.Random, name: str, content: bytes) -> bytes:
    if name == "model.weights.h5" or rng.random() < 0.3:
        return changed_bytes(rng, content)
    if rng.random() < 0.1:
        return b"[" * rng.choice((100, 5000, 200_000))
    return json.dumps(one_changed(rng, json.loads(content))).encode()
