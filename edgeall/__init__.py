"""edgeall: leukaemia classifiers from a fine-tuned CNN to the device where they are needed."""

from edgeall.telemetry import switch_off

__version__ = "0.1.0"

switch_off()
