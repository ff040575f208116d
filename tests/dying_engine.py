"""An engine that a signal ends while it is imported: our stand-in for a processor older than the engine's wheel.

No machine of ours is too old for a real wheel, so that the real thing cannot be tested here.
"""

import os
from pathlib import Path

MODULES = {
    "tflite": "ai_edge_litert/interpreter.py",
    "onnx": "onnxruntime/__init__.py",
    "openvino": "openvino/__init__.py",
}


def write_dying_engine(folder: Path, format: str, signal_name: str = "SIGILL") -> dict[str, str]:
    """Put the stand-in for a format's engine into `folder`; returns an environment in which Python finds it first."""
    module = folder / MODULES[format]
    module.parent.mkdir(parents=True)
    (module.parent / "__init__.py").touch()
    module.write_text(f"import os, signal\nos.kill(os.getpid(), signal.{signal_name})\n")
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
