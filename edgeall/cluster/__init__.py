"""Work on the workers of a Dask scheduler, or on threads of this process: `edgeall[cluster]`."""

from edgeall.cluster.scheduler import Cluster, Completed, Shared, Task, WorkersKilled, connect

__all__ = ["Cluster", "Completed", "Shared", "Task", "WorkersKilled", "connect"]
