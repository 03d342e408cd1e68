"""Whether what is in the cluster is what was rendered: an admission controller or a person may have changed it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lockflight.policy.facts import BREAK_GLASS, UNKNOWN, Facts, Pod, Ref, facts, running

_MOST: Final = 32


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of an object that is not as it was rendered; of values images alone are named, others may be secret."""

    where: str
    field: str
    what: str
    by: str = ""
    """Who did it, where that is known."""
    of: str = ""
    """The object that was applied, where ``where`` is one of its pods, whose names come and go."""

    def __str__(self) -> str:
        return f"{self.where}: {self.field} {self.what}" if self.field else f"{self.where} {self.what}"


def differences(
    rendered: Sequence[Facts],
    live: Mapping[Ref, Mapping[str, Any]],
    pods: Sequence[Mapping[str, Any]],
    local: Collection[str] = (),
) -> tuple[Difference, ...]:
    """What differs in ``live`` objects and their ``pods``; ``local`` are images that may be injected as sidecars."""
    found: list[Difference] = []
    for each in rendered:
        obj = live.get(each.ref)
        if obj is None:
            found += [] if each.passing else [Difference(str(each.ref), "", "is missing")]
            continue
        found += _object(each, obj, local)
        for pod in pods:
            if _owns(each.ref, pod):
                found += _its_pod(each, pod, local)
    return tuple(found[:_MOST])


def stamped(live: Mapping[Ref, Mapping[str, Any]]) -> tuple[Difference, ...]:
    """Objects that were written by breaking the glass."""
    people = {ref: ((obj.get("metadata") or {}).get("annotations") or {}).get(BREAK_GLASS) for ref, obj in live.items()}
    return tuple(
        Difference(str(ref), "", f"was written by {who}, who broke the glass", who)
        for ref, who in people.items()
        if who
    )


def has_pods(rendered: Sequence[Facts]) -> bool:
    """Whether pods stand behind any of them."""
    return any(each.pods for each in rendered)


def _object(each: Facts, obj: Mapping[str, Any], local: Collection[str]) -> Iterator[Difference]:
    now = facts(obj)
    where = str(each.ref)
    if now is None:
        yield Difference(where, "", "holds nothing of what was rendered")
        return
    yield from _fields(where, "", each.fields, now.fields)
    for path, pod in each.pods.items():
        if path in now.pods:
            yield from _pod(where, f"{path}.", pod, now.pods[path], local)
        else:
            yield Difference(where, path, "is missing")
    yield from (Difference(where, path, "was added") for path in now.pods.keys() - each.pods.keys())


def _its_pod(each: Facts, pod: Mapping[str, Any], local: Collection[str]) -> Iterator[Difference]:
    wanted, now = next(iter(each.pods.values())), running(pod)
    volumes = {name: volume for name, volume in now.volumes.items() if name not in each.claims}
    where = f"Pod {pod['metadata']['name']} of {each.ref}"
    for found in _pod(where, "spec.", wanted, Pod(now.fields, now.containers, volumes), local):
        yield replace(found, of=f"Pods of {each.ref}")


def _pod(where: str, path: str, wanted: Pod, now: Pod, local: Collection[str]) -> Iterator[Difference]:
    yield from _fields(where, path, wanted.fields, now.fields)
    sidecars = [name for name, c in now.containers.items() if name not in wanted.containers and c.get("image") in local]
    for name in sorted(wanted.containers.keys() | now.containers.keys() - set(sidecars)):
        if name not in now.containers:
            yield Difference(where, f"{path}{name}", "is missing")
        elif name not in wanted.containers:
            image = now.containers[name].get("image")
            yield Difference(where, f"{path}{name}", f"was added, with image {image}, which entry.images.local lacks")
        else:
            yield from _fields(where, f"{path}{name}.", wanted.containers[name], now.containers[name])
    # A volume of its own is part of an allowed sidecar: no other container mounts it, for mounts are compared.
    more = {} if not sidecars else {n: v for n, v in now.volumes.items() if n not in wanted.volumes}
    volumes = {name: volume for name, volume in now.volumes.items() if name not in more}
    yield from _fields(where, f"{path}volumes.", wanted.volumes, volumes)


def _fields(where: str, path: str, wanted: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted(wanted.keys() | now.keys()):
        if (name in wanted and wanted[name] is UNKNOWN) or wanted.get(name) == now.get(name):
            continue
        if name == "image":
            what = f"is {now.get(name)}, rendered was {wanted.get(name)}"
        else:
            what = "is missing" if name not in now else "was added" if name not in wanted else "is another"
        yield Difference(where, f"{path}{name}", what)


def _owns(ref: Ref, pod: Mapping[str, Any]) -> bool:
    """Whether a pod that runs, or is about to, was made from this object's template."""
    meta, phase = pod.get("metadata") or {}, (pod.get("status") or {}).get("phase")
    if meta.get("deletionTimestamp") or phase in ("Succeeded", "Failed"):
        return False
    owner = next((o for o in meta.get("ownerReferences") or () if o.get("controller")), None)
    if owner is None:
        return False
    if ref.kind == "Deployment":
        made = f"{ref.name}-{(meta.get('labels') or {}).get('pod-template-hash')}"
        return (owner.get("kind"), owner.get("name")) == ("ReplicaSet", made)
    return (owner.get("kind"), owner.get("name")) == (ref.kind, ref.name)
