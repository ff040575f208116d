"""A folder is watched: each picture is decided once, when it is finished, and recorded in the log."""

from edgeall.watching.watch import Notice, watch

__all__ = ["Notice", "watch"]
