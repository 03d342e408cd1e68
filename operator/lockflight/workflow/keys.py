"""The key of an object: what the store, the queue and the reconcile functions speak of."""

from dataclasses import dataclass

from lockflight.api.kinds import AnyObject

NAMESPACE = "Namespace"
"""The one kind of Kubernetes' own among the keys: namespaces lie in no namespace."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Kind, namespace and name of one object."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def key_of(obj: AnyObject) -> Key:
    """The key of an object."""
    return Key(obj.kind, obj.metadata.namespace, obj.metadata.name)
