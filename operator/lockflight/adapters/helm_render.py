"""Read what ``helm template`` prints, the way Helm itself reads YAML, and ask what the cluster can do."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from lockflight.adapters.api_client import KubeClient, items_of
from lockflight.ports import Rendered, RenderError

_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_HOOK = "helm.sh/hook"
_TESTS = frozenset({"test", "test-success"})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What charts see as ``.Capabilities``: the server's version, and its group/versions with and without kind."""

    kube_version: str
    api_versions: tuple[str, ...]


async def discover(client: KubeClient) -> Capabilities:
    """Three requests. Raises PortError."""
    version = await client.get("/version")
    found: set[str] = set()
    for root in ("/api", "/apis"):
        for group in items_of(await client.get(root, accept=_DISCOVERY)):
            found.update(_versions(group))
    return Capabilities(kube_version=str(version["gitVersion"]), api_versions=tuple(sorted(found)))


def split(text: str) -> Rendered:
    """Manifests and hooks that an apply runs, apart from the tests. Raises RenderError."""
    objects: list[Mapping[str, Any]] = []
    tests: list[Mapping[str, Any]] = []
    try:
        for document in yaml.load_all(text, Loader=_HelmLoader):
            for obj in _objects(document):
                (tests if _is_test(obj) else objects).append(obj)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f" (line {mark.line + 1} of the output)" if mark else ""
        msg = f"the chart renders to something that is not YAML{where}: {getattr(problem, 'problem', problem)}"
        raise RenderError(msg) from problem
    return Rendered(tuple(objects), tuple(tests))


class _HelmLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as Kubernetes programs read it: dates and numbers with colons or underscores are text, and a merge key
    (``<<``) overwrites what stands before it, so that what is judged is what is applied.
    """

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put the pairs of a merge key in its place. Raises ConstructorError where it merges no mapping."""
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        for key, value in node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                if key.tag == "tag:yaml.org,2002:value":
                    key.tag = "tag:yaml.org,2002:str"
                pairs.append((key, value))
                continue
            # Of several the first has precedence.
            for source in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
                if not isinstance(source, yaml.MappingNode):
                    msg = "<< merges something that is no mapping"
                    raise yaml.constructor.ConstructorError(None, None, msg, source.start_mark)
                self.flatten_mapping(source)
                pairs.extend(source.value)
        node.value = pairs


_HelmLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_HelmLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(0b[01]+|0x[0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$"), list("-+0123456789")
)
_HelmLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?((\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)|\.[0-9]+|[0-9]+\.[0-9]*)$"),
    list("-+0123456789."),
)
_HelmLoader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(loader.construct_scalar(node)))


def _versions(group: Mapping[str, Any]) -> Iterator[str]:
    name = group["metadata"].get("name", "")
    for version in group.get("versions") or ():
        known = f"{name}/{version['version']}" if name else str(version["version"])
        yield known
        for resource in version.get("resources") or ():
            kind = (resource.get("responseKind") or {}).get("kind")
            if kind:
                yield f"{known}/{kind}"


def _objects(document: Any) -> Iterator[Mapping[str, Any]]:
    if document is None:
        return
    if not isinstance(document, dict) or "kind" not in document:
        msg = "the chart renders to a document that is no Kubernetes object (it has no kind)"
        raise RenderError(msg)
    if document["kind"] == "List" and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _objects(item)
        return
    yield document


def _is_test(obj: Mapping[str, Any]) -> bool:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    events = {event.strip() for event in str(annotations.get(_HOOK, "")).split(",")} - {""}
    return bool(events) and events <= _TESTS
