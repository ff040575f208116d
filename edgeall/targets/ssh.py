"""A board over ssh as a device: examined, provisioned without internet, and measured."""

import dataclasses
import re
import secrets
import time
from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from edgeall import __version__, artifact
from edgeall.engines import ENGINES
from edgeall.errors import DeviceError
from edgeall.measuring.environment import PARTS
from edgeall.measuring.plan import Plan, PlannedArtifact, PlannedImage
from edgeall.measuring.records import AlreadyRecorded, EndOfMeasuring, Message, Record, Start, from_line
from edgeall.measuring.signals import ended_by
from edgeall.progress import SILENT, Progress
from edgeall.station.launchers import launcher
from edgeall.targets import field_tier, readiness
from edgeall.targets.address import Address
from edgeall.targets.connection import ANSWER_SECONDS, CONNECT_SECONDS, BoardInfo, Connection
from edgeall.targets.profile import Board, Profile
from edgeall.targets.readiness import Finding
from edgeall.targets.ssh_errors import Dropped
from edgeall.targets.uploads import Upload, accepted, push
from edgeall.telemetry import FOREIGN, VARIABLES

PAUSES_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Pauses before retries after a lost connection, without a measurement in between. A reboot takes a minute."""

_UNPACKING = resources.files("edgeall.station").joinpath("unpacking.py").read_text("utf-8")


@dataclass(frozen=True)
class BoardReport:
    """Properties of a board, and findings on them. `probe` is None where its Python is too old for the agent."""

    greeting: BoardInfo
    probe: dict[str, Any] | None
    findings: tuple[Finding, ...]

    @property
    def lacking(self) -> list[Finding]:
        """Findings that prevent its use."""
        return [finding for finding in self.findings if finding.level == "missing"]

    @property
    def model(self) -> str | None:
        return None if self.probe is None else self.probe["environment"]["model"]


@dataclass(frozen=True)
class Provisioned:
    """Result of provisioning a board.

    Attributes:
        folder: edgeall's folder on the board.
        paths: folders below it for Python's search path.
        pushed: files that were sent; without those that were there already.
        engines: reason by module why it cannot be imported, None where it can; only modules that were tried.
    """

    folder: str
    paths: tuple[str, ...]
    pushed: tuple[Upload, ...]
    engines: dict[str, str | None]


class SshTarget:
    """Runs plans on a board. After a lost connection it resumes without repeating finished jobs."""

    def __init__(
        self,
        profile: Profile,
        progress: Progress = SILENT,
        *,
        connect_seconds: int = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        pauses: Sequence[float] | None = None,
    ) -> None:
        self._profile = profile
        self._board = profile.board or Board()
        self._progress = progress
        self._connect_seconds, self._answer_seconds = connect_seconds, answer_seconds
        self._pauses = PAUSES_SECONDS if pauses is None else pauses
        self._connection: Connection | None = None

    @property
    def address(self) -> Address | None:
        """Address of the connected board; None before the first connection."""
        return None if self._connection is None else self._connection.address

    def unreachable(self) -> str | None:
        try:
            self._connected()
        except DeviceError as error:
            return str(error)
        return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def examine(self, *, try_engines: bool = False) -> BoardReport:
        """Read the board's properties, without writing to it.

        Args:
            try_engines: also import the installed engines, which takes seconds.

        Raises:
            DeviceError: it cannot be reached, or has no Python 3.
        """
        package = resources.files("edgeall")
        sources = [
            (f"edgeall.{part}", package.joinpath(f"{part.replace('.', '/')}.py").read_text("utf-8"))
            for part in PARTS
        ]
        request = {"folder": self._board.folder, "environment": sources, "version": __version__}
        answer = self._connected().call("probe", request)
        if answer.document is None:
            return BoardReport(answer.greeting, None, tuple(readiness.judge_greeting(answer.greeting)))
        probe = accepted(self._connected(), self._board.folder, answer.document)
        tried = self._tried(self._profile.formats, probe["folder"]) if try_engines else None
        return BoardReport(
            answer.greeting, probe, tuple(readiness.judge(answer.greeting, probe, self._profile, tried))
        )

    def provision(
        self, examined: BoardReport, formats: Iterable[str] | None = None, *, try_engines: bool = True
    ) -> Provisioned:
        """Install the missing parts of edgeall's field tier and of the engines for `formats` (default: the profile's).

        Engines are imported when they are newly installed, or with `try_engines`.

        Raises:
            DeviceError: it cannot be used, there are no wheels for it, or it is full.
        """
        probe = self._able(examined)
        connection, folder = self._connected(), probe["folder"]
        named = sorted(set(self._profile.formats if formats is None else formats))
        unmet = readiness.unmet_needs(examined.greeting, probe, self._profile)
        usable = [format for format in named if format not in unmet]
        code = field_tier.code()
        wheels = (
            field_tier.wheels(usable, self._board.versions, examined.greeting, self._progress)
            if self._board.packages == "pushed"
            else []
        )
        free = probe["disk_free_bytes"]
        pushed = push(connection, folder, [code, *wheels], "edgeall and engines", free, self._progress)
        paths, fresh = [], False
        for uploads in filter(None, ([code], wheels)):
            into = field_tier.unpacked_name(uploads)
            archives = [upload.to for upload in uploads]
            request = {"folder": folder, "archives": archives, "into": into, "unpacking": _UNPACKING}
            done = connection.call("unpack", request).document
            fresh |= bool(accepted(connection, folder, done)["fresh"])
            paths.append(into)
        text = launcher(folder, self._board.python, paths, self._isolated)
        script = {"folder": folder, "to": field_tier.LAUNCHER, "text": text}
        accepted(connection, folder, connection.call("write", script).document)
        engines: dict[str, str | None] = {}
        if fresh or try_engines:
            modules = ["numpy", "PIL", *(ENGINES[format].module for format in usable)]
            engines = self._imported(modules, folder, paths, keep=True)
            engines |= {ENGINES[format].module: unmet[format] for format in named if format in unmet}
        return Provisioned(folder, tuple(paths), tuple(pushed), engines)

    def measure(self, plan: Plan, finished: Collection[str]) -> Generator[Message, None, None]:
        done = set(finished)
        first: Start | None = None
        yielded: set[str] = set()
        token = secrets.token_hex(8)
        tries = 0
        while True:
            try:
                for message in self._session(plan, done, token, again=first is not None):
                    if isinstance(message, Start):
                        if first is None:
                            first = message
                            yield message
                        elif first.jobs != message.jobs:
                            raise DeviceError(
                                f"{self.address}: this is another board than before, or it was changed; run the same "
                                "command again"
                            )
                    elif isinstance(message, EndOfMeasuring):
                        yield message
                        return
                    elif message.key not in yielded:
                        yielded.add(message.key)
                        done.add(message.key)
                        tries = 0
                        yield message
                raise DeviceError(f"{self.address}: stopped before the end without a message")
            except Dropped as error:
                if tries == len(self._pauses):
                    raise DeviceError(
                        f"{error}; finished jobs are kept, run the same command again"
                    ) from None
                time.sleep(self._pauses[tries])
                tries += 1
                self._progress.note(f"{error}; trying again ({tries} of {len(self._pauses)})")

    def _session(
        self, plan: Plan, finished: Collection[str], token: str, again: bool
    ) -> Generator[Message, None, None]:
        """Examine and provision the board, then measure, up to the last message or a lost connection."""
        examined = self.examine()
        folder = self._able(examined)["folder"]
        if not again:
            for finding in examined.findings:
                if finding.level == "warning":
                    self._progress.note(f"warning: {self.address}: {finding.subject}: {finding.text}")
        formats = {planned.format for planned in plan.artifacts}
        ready = self.provision(examined, formats, try_engines=False)
        for module, trouble in ready.engines.items():
            if trouble is not None:
                self._progress.note(f"warning: {self.address}: {module} cannot be imported there: {trouble}")
        there, uploads = relocated(plan, folder)
        free = self._able(examined)["disk_free_bytes"]
        push(self._connected(), folder, uploads, "artifacts and images", free, self._progress)
        job = {"plan": there.to_dict(), "finished": sorted(finished)}
        request = self._request(folder, ready.paths, request=job, token=token)
        # The board itself stops a job that takes longer.
        silence = plan.settings.pass_seconds + self._answer_seconds
        with self._connected().running("measure", request, silence_seconds=silence) as running:
            told: set[str] = set()
            started = False
            for line in running.lines:
                message = from_line(line)
                if isinstance(message, Start):
                    if started:
                        # Each line is a sign of life, so that a board that repeats this one would never end.
                        raise DeviceError(
                            f"{self.address}: starts a measurement twice; is its edgeall this one?"
                        )
                    started = True
                if isinstance(message, Record | AlreadyRecorded):
                    if message.key in told:
                        raise DeviceError(
                            f"{self.address}: sends a measurement twice; is its edgeall this one?"
                        )
                    told.add(message.key)
                yield message

    def _tried(self, formats: Iterable[str], folder: str) -> dict[str, str | None]:
        """Reason by format why its engine cannot be imported there, None where it can; only for installed engines."""
        modules = {format: ENGINES[format].module for format in formats}
        paths: list[str] | None = None if self._board.packages == "pushed" else []
        answers = self._imported(list(modules.values()), folder, paths, keep=False)
        return {format: answers[module] for format, module in modules.items() if module in answers}

    def _imported(
        self, modules: Sequence[str], folder: str, paths: Iterable[str] | None, *, keep: bool
    ) -> dict[str, str | None]:
        """Reason by module why it cannot be imported there, None where it can; see `edgeall.targets.agent.engines`."""
        request = self._request(
            folder,
            paths,
            modules=modules,
            launcher=field_tier.LAUNCHER,
            keep=keep,
            variables={**VARIABLES, **FOREIGN},
        )
        answers = self._connected().call("engines", request).document
        return {module: _import_error(**answer) for module, answer in answers.items()}

    def _request(self, folder: str, paths: Iterable[str] | None, **more: Any) -> dict[str, Any]:
        return {
            "folder": folder,
            "paths": None if paths is None else list(paths),
            "isolated": self._isolated,
            **more,
        }

    @property
    def _isolated(self) -> bool:
        """Whether the uploaded packages exclude those of the board's user."""
        return self._board.packages == "pushed"

    def _able(self, examined: BoardReport) -> dict[str, Any]:
        if examined.lacking or examined.probe is None:
            reasons = "; ".join(f"{finding.subject}: {finding.text}" for finding in examined.lacking)
            raise DeviceError(f"{self.address} cannot be used: {reasons}")
        return examined.probe

    def _connected(self) -> Connection:
        """The connection to the first of the profile's addresses that can be reached, kept from then on."""
        if self._connection is not None:
            self._connection.open()
            return self._connection
        if not self._board.addresses:
            raise DeviceError(
                f"device {self._profile.name} has no address; give one with --host [user@]host[:port]"
            )
        reasons: dict[Address, DeviceError] = {}
        for address in self._board.addresses:
            connection = Connection(
                address,
                self._board.python,
                self._board.ssh_config,
                self._connect_seconds,
                self._answer_seconds,
            )
            try:
                connection.open()
            except DeviceError as error:
                reasons[address] = error
            else:
                self._connection = connection
                return connection
        raise _joined(reasons)


def _joined(reasons: dict[Address, DeviceError]) -> DeviceError:
    """One error for several addresses, grouped by reason."""
    of_reason: dict[str, list[str]] = {}
    for address, error in reasons.items():
        of_reason.setdefault(str(error).removeprefix(f"{address}: "), []).append(str(address))
    text = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in of_reason.items())
    temporary = all(isinstance(error, Dropped) for error in reasons.values())
    return Dropped(text) if temporary else DeviceError(text)


def relocated(plan: Plan, folder: str) -> tuple[Plan, list[Upload]]:
    """The plan with a board's paths, and the files that it needs there. Artifacts keep their names, for messages."""
    uploads: list[Upload] = []

    def artifact_there(planned: PlannedArtifact) -> PlannedArtifact:
        place = f"artifacts/{planned.sha256}"
        path = Path(planned.path)
        uploads.extend(
            Upload.of_file(part, f"{place}/{_plain(part.name)}") for part in artifact.files_of(path)
        )
        return dataclasses.replace(planned, path=f"{folder}/{place}/{_plain(path.name)}")

    def image_there(planned: PlannedImage) -> PlannedImage:
        to = f"images/{planned.sha256}{_plain(Path(planned.path).suffix.lower())}"
        uploads.append(Upload.of_file(Path(planned.path), to, planned.sha256))
        return dataclasses.replace(planned, path=f"{folder}/{to}")

    moved = dataclasses.replace(
        plan,
        artifacts=tuple(artifact_there(planned) for planned in plan.artifacts),
        image_sets={name: tuple(map(image_there, images)) for name, images in plan.image_sets.items()},
    )
    return moved, uploads


def _import_error(status: int, last: str) -> str | None:
    """The error of a process that imported a module, from its exit status and last line; None where it succeeded."""
    if status < 0:
        return f"its process was killed by {ended_by(-status)}"
    return (last or f"status {status}") if status else None


def _plain(name: str) -> str:
    """A file name that is valid on any system."""
    return re.sub(r"[^A-Za-z0-9._+=-]", "_", name)
