"""Values that the scheduler sends to every worker once, also to workers that come or are restarted later."""

from typing import Any, Generic, TypeVar

from distributed import Client, WorkerPlugin, get_worker

from edgeall.values import dataclass

T = TypeVar("T")


class _Holder(WorkerPlugin, Generic[T]):
    """Keeps a value on a worker."""

    def __init__(self, name: str, value: T) -> None:
        self.name, self.value = name, value


def send(client: Client, name: str, value: object) -> None:
    """Give the value to the scheduler, which gives it to its workers before they get tasks."""
    client.register_plugin(_Holder(name, value), name=name)


@dataclass(frozen=True)
class SentOnce(Generic[T]):
    """The value, by its name."""

    name: str

    def get(self) -> T:
        """The value; called by a task on its worker."""
        holder: Any = get_worker().plugins[self.name]
        found: T = holder.value
        return found
