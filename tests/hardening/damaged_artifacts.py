"""Damaged artifacts in three formats: every change is noticed, in one line."""

import random
from pathlib import Path

from campaign import Kind, one_line, promise
from changed_bytes import changed_bytes
from sound_artifacts import sound_artifacts

from edgeall import artifact
from edgeall.artifact import files_of
from edgeall.errors import ArtifactError


class DamagedArtifacts(Kind):
    quick, sample, full = 150, 3_000, 10_000
    bounded = True

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        sealed = sound_artifacts(place)
        self.contents = [{file.name: file.read_bytes() for file in files_of(each.path)} for each in sealed]
        self.names = [each.path.name for each in sealed]

    def one(self, seed: int) -> str:
        rng = random.Random(seed)
        number = seed % len(self.names)
        contents = dict(self.contents[number])
        spoiled = rng.choice(list(contents))
        every = [content for files in self.contents for content in files.values()]
        contents[spoiled] = changed_bytes(rng, contents[spoiled], every)
        for name, content in contents.items():
            (self.place / name).write_bytes(content)
        try:
            artifact.read(self.place / self.names[number])
        except ArtifactError as error:
            one_line(str(error))
            promise(Path(self.names[number]).stem in str(error), f"does not name the file: {error}")
            return f"{Path(self.names[number]).suffix} noticed"
        promise(False, f"{spoiled} was changed, and read as sound")
        raise AssertionError
