"""User units of systemd, so that `edgeall watch` or `edgeall serve` runs whenever its user is logged in.

`loginctl enable-linger` makes user units start with the machine. Syntax: systemd.service(5), "Command lines", and
systemd.syntax(7), "Quoting".
"""

from pathlib import Path

from .errors import KitError

SERVICES = {
    "watch": ("watch", "classifies each picture that arrives in a folder"),
    "serve": ("serve", "the local page of the field station"),
}
"""Name of a service to its command and what it does."""


def unit_name(service: str) -> str:
    return f"edgeall-{service}.service"


def unit(service: str, command: str, watched: str | None = None) -> str:
    """The text of a unit.

    Args:
        service: a name of `SERVICES`.
        command: absolute path of the station's `edgeall`, which names the model of the kit in use itself; `%h` at its
            beginning is the user's home folder.
        watched: the folder for `watch`.

    Raises:
        KitError: a path cannot be written in a unit.
    """
    verb, description = SERVICES[service]
    words = [command if command.startswith("%h/") else _quoted(command), verb]
    if watched is not None:
        words.append(watched if watched.startswith("%h/") else _quoted(watched))
    return f"""[Unit]
Description=edgeall {verb}: {description} (research use only)

[Service]
ExecStart={" ".join(words)}
Restart=on-failure
RestartSec=5
NoNewPrivileges=yes
Nice=5

[Install]
WantedBy=default.target
"""


def _quoted(word: str) -> str:
    if not word.isprintable():
        raise KitError(f"{ascii(word)[1:-1]}: a path with such characters cannot stand in a unit of systemd")
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(plain, escaped)
    return f'"{word}"'


def folder(home: Path, config: str | None) -> Path:
    """Where a user's units lie; `config`: the value of XDG_CONFIG_HOME."""
    return (Path(config) if config else home / ".config") / "systemd" / "user"
