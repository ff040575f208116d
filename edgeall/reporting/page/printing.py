"""The page as a PDF, printed by a Chromium that is installed here."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from edgeall import files
from edgeall.errors import UsageError
from edgeall.files import AnyPath

BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "microsoft-edge-stable", "msedge"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
"""Programs that print a page as Chromium does, in the order in which they are looked for."""

_SECONDS = 120


def write_pdf(page: str, path: AnyPath) -> None:
    """Print an HTML page to the PDF at `path`. The browser loads nothing else and keeps nothing.

    Raises:
        UsageError: no Chromium is installed, or it printed nothing.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise UsageError(
            f"{path}: a PDF is printed by Chromium, Chrome or Edge, and none is installed here; install one, or write "
            "an .html file and print it from any browser"
        )
    with tempfile.TemporaryDirectory(prefix="edgeall-print-", ignore_cleanup_errors=True) as folder:
        source, printed = Path(folder) / "report.html", Path(folder) / "report.pdf"
        source.write_text(page, encoding="utf-8")
        command = [browser, *_options(folder), f"--print-to-pdf={printed}", source.as_uri()]
        try:
            done = subprocess.run(  # noqa: S603
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(
                f"{path}: {browser} did not print it ({type(error).__name__}); write an .html file"
            ) from None
        if not printed.is_file() or not printed.read_bytes().startswith(b"%PDF"):
            raise UsageError(
                f"{path}: {browser} printed nothing (exit status {done.returncode}); write an .html file"
            )
        with files.replacing(Path(path)) as part:
            shutil.copyfile(printed, part)


def _options(folder: str) -> list[str]:
    options = [
        *(
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-sync",
        ),
        *("--disable-component-update", "--disable-extensions", "--no-pdf-header-footer"),
        f"--user-data-dir={folder}/profile",
    ]
    # The browser's sandbox refuses to start for root, as in containers. The page holds no foreign code to contain.
    as_root = sys.platform != "win32" and os.geteuid() == 0
    return [*options, "--no-sandbox"] if as_root else options
