"""No library that edgeall loads reports on its user. `edgeall` switches this off whenever it is imported."""

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        # ONNX Runtime 1.29 and later. Without it, loading the library writes an identifier of the machine and a
        # database of events below the user's cache folder, and sends them.
        "ORT_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
    }
)
"""Environment variables. Libraries read them when they are loaded, and processes inherit them."""

REPORTERS = ("openvino_telemetry",)
"""Packages that others report by, and do without where they are not installed. OpenVINO, which NNCF loads too, would
send an event and keep an identifier in the home folder whenever it is loaded; no variable switches that off."""

FOREIGN: Mapping[str, str] = MappingProxyType({"CI": "true"})
"""Further variables for a program that does not import edgeall: OpenVINO reports nothing from test machines."""


def switch_off() -> None:
    """Set the variables that the user has not set, and keep the reporters from being loaded."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    for package in REPORTERS:
        # An entry of None makes `import` raise ModuleNotFoundError.
        sys.modules.setdefault(package, None)  # type: ignore[arg-type]
