"""A folder is watched: each picture is decided once, when it is finished, and recorded in the log."""

from edgeall.watching.watcher import Notice, watch

__all__ = ["Notice", "watch"]
