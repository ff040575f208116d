"""Work on the workers of a Dask scheduler, or on threads of this process: `edgeall[cluster]`."""

from edgeall.cluster.scheduler import connect
from edgeall.cluster.tasks import Cluster, Completed, Shared, Task, WorkersKilled

__all__ = ["Cluster", "Completed", "Shared", "Task", "WorkersKilled", "connect"]
