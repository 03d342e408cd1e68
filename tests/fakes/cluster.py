"""An API server in memory: resource versions, generations, conflicts and merge patches as the real one has them."""

import copy
import itertools
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from pydantic import ValidationError

from lockflight.api.auditrecord import AuditRecord
from lockflight.api.common import API_VERSION, CANARY
from lockflight.api.kinds import BY_NAME, AnyObject
from lockflight.policy.archiving import Orders, orders
from lockflight.policy.drift import ref_of
from lockflight.policy.facts import Ref
from lockflight.policy.model import Namespace
from lockflight.ports import Clock, ConflictError, GoneError, JobResult, Live, PortError
from tests.fakes.clock import FakeClock

_Key = tuple[str, str, str]


class FakeCluster:
    """Tests fill it with ``put`` and the public dictionaries, and read ``requests`` to see what was asked."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FakeClock()
        self._versions = itertools.count(1)
        self._objects: dict[_Key, dict[str, Any]] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.annotations: dict[str, dict[str, str]] = {}
        """Of namespaces, by name."""
        self.deployers: set[str] = set()
        """Namespaces whose virtual deployer has its rights."""
        self.lives: Callable[[str], Mapping[Ref, Mapping[str, Any]]] = lambda _: {}
        """What Helm put into a namespace, as it is there now."""
        self.pods: list[Mapping[str, Any]] = []
        self.labelled: dict[tuple[str, Ref], Mapping[str, str]] = {}
        """Labels of PVCs, Secrets and ConfigMaps that are in a namespace."""
        self.rbacs: dict[_Key, dict[str, Any]] = {}
        """Roles and bindings by namespace ("" for the cluster), kind and name."""
        self.leavers: set[str] = set()
        """People who hold no role any more; everybody else holds every role by name."""
        self.wildcards: set[str] = set()
        """People who hold rights by a wildcard."""
        self.releasers: set[str] = set()
        """People who may create releases and promotions."""
        self.configs: dict[tuple[str, str, str, str], bytes] = {}
        """(kind, namespace, name, key) to the bytes there."""
        self.jobs: dict[tuple[str, str], Mapping[str, Any]] = {}
        """The Jobs created, by namespace and name."""
        self.job_results: dict[str, JobResult] = {}
        self.numbered: dict[int, JobResult] = {}
        """How the n-th attempt of a check ends."""
        """How Jobs end whose name starts with the key; others succeed."""
        self.requests: list[tuple[str, str, str, str]] = []
        """(verb, kind, namespace, name) of every call."""
        self.problems: deque[PortError] = deque()
        """The next calls raise these, one each."""
        self.refused: dict[tuple[str, str], PortError] = {}
        """By verb and kind: every such call raises this."""

    @property
    def writes(self) -> list[tuple[str, str, str, str]]:
        """The requests that changed something."""
        return [r for r in self.requests if r[0] in ("create", "patch", "delete")]

    def put(self, obj: Mapping[str, Any] | AnyObject) -> AnyObject:
        """Create or replace an object as a person would: a changed spec is a new generation, status stays as given."""
        raw = _raw(obj)
        kind, metadata = raw["kind"], raw["metadata"]
        key = (kind, metadata["namespace"], metadata["name"])
        old = self._objects.get(key)
        if old is not None:
            changed = old.get("spec") != raw.get("spec")
            generation = old["metadata"]["generation"] + changed
            metadata |= {"uid": old["metadata"]["uid"], "generation": generation}
        else:
            metadata["uid"] = metadata.get("uid") or str(uuid.uuid4())
            metadata["generation"] = metadata.get("generation") or 1
        metadata.setdefault("creationTimestamp", self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
        metadata["resourceVersion"] = str(next(self._versions))
        self._objects[key] = raw
        return self._parsed(raw)

    def break_raw(self, raw: Mapping[str, Any]) -> None:
        """An object as somebody left it who went past the API server: it need not parse."""
        self._objects[raw["kind"], raw["metadata"]["namespace"], raw["metadata"]["name"]] = copy.deepcopy(dict(raw))

    def raw(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """An object as it is kept; nobody is said to have asked."""
        return copy.deepcopy(self._objects[kind, namespace, name])

    def everything(self) -> tuple[AnyObject, ...]:
        """All objects that are watched, as a list and a watch would tell of them; nobody is said to have asked."""
        return tuple(self._parsed(raw) for (kind, _, _), raw in self._objects.items() if kind != "AuditRecord")

    def records(self) -> list[AuditRecord]:
        """The audit trail in its order; nobody is said to have asked."""
        return [
            AuditRecord.model_validate(copy.deepcopy(raw))
            for (kind, _, _), raw in sorted(self._objects.items())
            if kind == "AuditRecord"
        ]

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """As a person would."""
        del self._objects[kind, namespace, name]

    def put_namespace(self, name: str, *, deployer: bool = True, terminating: bool = False, **labels: str) -> None:
        """A namespace; keywords stack, environment and tier become our labels."""
        known = {f"lockflight.dev/{key}": value for key, value in labels.items()}
        self.namespaces[name] = Namespace(name=name, labels=known, terminating=terminating)
        (self.deployers.add if deployer else self.deployers.discard)(name)

    async def get(self, kind: str, namespace: str, name: str) -> AnyObject | None:
        self._asked("get", kind, namespace, name)
        raw = self._objects.get((kind, namespace, name))
        return self._parsed(raw) if raw is not None else None

    async def list(self, kind: str, namespace: str | None = None) -> Sequence[AnyObject]:
        self._asked("list", kind, namespace or "", "")
        found: list[AnyObject] = []
        for (of, where, _), raw in sorted(self._objects.items()):
            if of == kind and namespace in (None, where):
                try:
                    found.append(self._parsed(raw))
                except ValidationError:
                    continue
        return tuple(found)

    async def create(self, obj: Mapping[str, Any]) -> AnyObject | None:
        raw = _raw(obj)
        kind, namespace, name = raw["kind"], raw["metadata"]["namespace"], raw["metadata"]["name"]
        self._asked("create", kind, namespace, name)
        if (kind, namespace, name) in self._objects:
            return None
        # The API server drops the status of a new object.
        raw.pop("status", None)
        return self.put(raw)

    async def remove(self, kind: str, namespace: str, name: str, uid: str) -> None:
        self._asked("delete", kind, namespace, name)
        found = self._objects.get((kind, namespace, name))
        if found is None:
            return
        if found["metadata"]["uid"] != uid:
            msg = f"{name} has another UID"
            raise ConflictError(msg)
        del self._objects[kind, namespace, name]

    async def orders(self, root: str) -> Orders:
        self._asked("get", "Namespace", "", root)
        return orders(self.annotations.get(root, {}))

    async def patch_status(
        self, kind: str, namespace: str, name: str, status: Mapping[str, Any], *, resource_version: str | None = None
    ) -> AnyObject:
        self._asked("patch", kind, namespace, name)
        raw = self._objects.get((kind, namespace, name))
        if raw is None:
            msg = f'{BY_NAME[kind].plural}.lockflight.dev "{name}" not found'
            raise GoneError(msg)
        if resource_version not in (None, raw["metadata"]["resourceVersion"]):
            msg = f"{name} was changed meanwhile"
            raise ConflictError(msg)
        merged = _merge(raw.get("status") or {}, status)
        if merged != raw.get("status"):
            raw["status"] = merged
            raw["metadata"]["resourceVersion"] = str(next(self._versions))
        return self._parsed(raw)

    async def namespace(self, name: str) -> Namespace | None:
        self._asked("get", "Namespace", "", name)
        return self.namespaces.get(name)

    async def mend_glass(self, namespace: str) -> None:
        self._asked("patch", "Namespace", "", namespace)
        self.namespaces[namespace] = replace(self.namespaces[namespace], glass=None)

    async def deployer_may(self, namespace: str) -> bool:
        self._asked("review", "SubjectAccessReview", namespace, "")
        return namespace in self.deployers

    async def may(
        self,
        user: str,
        groups: Sequence[str],
        verb: str,
        group: str,
        resource: str,
        namespace: str,
        name: str = "",
        *,
        fresh: bool = True,
    ) -> bool:
        self._asked("review", "SubjectAccessReview", namespace, f"{user} {verb} {resource}/{name}")
        if CANARY in (verb, resource):
            return user in self.wildcards
        if resource in ("releases", "promotions"):
            return bool(self.releasers.intersection((user, *groups)))
        return user not in self.leavers

    async def live(self, namespace: str, wanted: Sequence[Ref], *, pods: bool) -> Live:
        for kind in sorted({ref.kind for ref in wanted}):
            self._asked("get", kind, namespace, "")
        if pods:
            self._asked("list", "Pod", namespace, "")
        there = self.lives(namespace)
        return Live({ref: there[ref] for ref in wanted if ref in there}, tuple(self.pods))

    async def reapplied(self, namespace: str, obj: Mapping[str, Any]) -> Mapping[str, Any]:
        self._asked("apply", obj["kind"], namespace, obj["metadata"]["name"])
        there = next((o for ref, o in self.lives(namespace).items() if ref == ref_of(obj)), {})
        return cast(Mapping[str, Any], _merge(there, obj))

    async def bind(self, binding: Mapping[str, Any]) -> None:
        namespace, name = binding["metadata"]["namespace"], binding["metadata"]["name"]
        self._asked("bind", "RoleBinding", namespace, name)
        key = (namespace, "RoleBinding", name)
        self.rbacs[key] = _merge(self.rbacs.get(key), binding)

    async def unbind(self, namespace: str, name: str) -> None:
        self._asked("unbind", "RoleBinding", namespace, name)
        self.rbacs.pop((namespace, "RoleBinding", name), None)

    async def rbac(self, namespace: str | None) -> Sequence[Mapping[str, Any]]:
        self._asked("list", "RoleBinding" if namespace else "ClusterRoleBinding", namespace or "", "")
        return [copy.deepcopy(obj) for (where, _, _), obj in self.rbacs.items() if where == (namespace or "")]

    async def labels(self, namespace: str, wanted: Sequence[Ref]) -> Mapping[Ref, Mapping[str, str]]:
        for kind in sorted({ref.kind for ref in wanted}):
            self._asked("labels", kind, namespace, "")
        return {ref: self.labelled[namespace, ref] for ref in wanted if (namespace, ref) in self.labelled}

    async def config(self, kind: str, namespace: str, name: str, key: str) -> bytes | None:
        self._asked("get", kind, namespace, name)
        return self.configs.get((kind, namespace, name, key))

    async def run_job(self, namespace: str, name: str, template: Mapping[str, Any], timeout: timedelta) -> None:
        self._asked("create", "Job", namespace, name)
        if namespace not in self.namespaces:
            msg = f'namespaces "{namespace}" not found'
            raise GoneError(msg)
        spec = {**template.get("spec", {}), "activeDeadlineSeconds": int(timeout.total_seconds())}
        self.jobs.setdefault((namespace, name), spec)

    async def job_result(self, namespace: str, name: str, timeout: timedelta) -> JobResult:
        self._asked("get", "Job", namespace, name)
        if (namespace, name) not in self.jobs:
            return JobResult(succeeded=False, message=f"Job {name} was deleted before it finished")
        attempt = int(name.rpartition("-")[2]) if name.rpartition("-")[2] in ("2", "3", "4", "5") else 1
        if attempt in self.numbered:
            return self.numbered[attempt]
        told = (result for start, result in self.job_results.items() if name.startswith(start))
        return next(told, JobResult(succeeded=True, message="", log="All of its kind write these two lines."))

    def _asked(self, verb: str, kind: str, namespace: str, name: str) -> None:
        self.requests.append((verb, kind, namespace, name))
        if self.problems:
            raise self.problems.popleft()
        if (verb, kind) in self.refused:
            raise self.refused[verb, kind]

    def _parsed(self, raw: Mapping[str, Any]) -> AnyObject:
        return BY_NAME[raw["kind"]].model.model_validate(copy.deepcopy(dict(raw)))


def _raw(obj: Mapping[str, Any] | AnyObject) -> dict[str, Any]:
    raw = copy.deepcopy(dict(obj)) if isinstance(obj, Mapping) else obj.dump()
    raw.setdefault("apiVersion", API_VERSION)
    # An empty version would be read back as one.
    raw["metadata"] = {k: v for k, v in raw["metadata"].items() if v not in ("", None)}
    return raw


def _merge(old: Any, patch: Any) -> Any:
    """RFC 7386: objects merge, null removes, all else replaces."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged = dict(old) if isinstance(old, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged
