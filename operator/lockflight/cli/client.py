"""The API server as the person who runs the command sees it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

import click

from lockflight.api.common import API_VERSION, ENVIRONMENT_LABEL, GROUP, STACK_LABEL, VERSION
from lockflight.api.kinds import Kind
from lockflight.cli.errors import AlreadyExistsError, CliError, NotFoundError, UnreachableError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Manifest = dict[str, Any]
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"

PAGE = 500
TIMEOUT = (10, 60)
"""Seconds to connect, seconds to answer."""

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the API server takes the caller for."""

    user: str
    groups: tuple[str, ...]


class Api(Protocol):
    """What commands need of the API server. Every method raises CliError or one of its kinds."""

    namespace: str
    """The namespace of the kubeconfig's context."""

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """One object. Raises NotFoundError."""

    def list(self, kind: Kind, namespace: str | None) -> Sequence[Manifest]:
        """All objects of a namespace; None: of all namespaces."""

    def create(self, kind: Kind, namespace: str, body: Manifest) -> Manifest:
        """Create an object. Raises AlreadyExistsError."""

    def merge(self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any]) -> Manifest:
        """Apply a merge patch (RFC 7386)."""

    def append(self, kind: Kind, namespace: str, name: str, field: str, entry: Mapping[str, Any]) -> Manifest:
        """Append an entry to a list in status, by JSON patch."""

    def whoami(self) -> Identity:
        """The caller, as authenticated (or impersonated)."""

    def items(self, path: str) -> Sequence[Manifest]:
        """All objects of a list that is not one of our kinds."""

    def may(self, user: str, groups: Sequence[str], verb: str, resource: str, namespace: str, name: str) -> bool:
        """Whether somebody holds a right in our API group, by SubjectAccessReview; empty strings: none, or any."""

    def config(self, kind: str, namespace: str, name: str) -> Manifest:
        """A ConfigMap or Secret. Raises NotFoundError."""

    def read_namespace(self, name: str) -> Manifest:
        """A Namespace. Raises NotFoundError."""

    def annotate_namespace(self, name: str, annotations: Mapping[str, str | None]) -> Manifest:
        """Merge annotations of a Namespace; None takes one away. Raises NotFoundError."""

    def metrics(self) -> str:
        """The API server's own metrics, as text."""

    def bound_namespaces(self, stack: str) -> Sequence[str]:
        """The target namespaces that are bound to a stack."""

    def helm_secrets(self, namespace: str) -> Sequence[Mapping[str, Any]]:
        """The metadata of the Secrets in which Helm keeps its releases there; no contents."""


class Server:
    """``Api`` for real.

    Raises UnreachableError where no cluster is configured, click.UsageError for a context that is not there.
    """

    def __init__(self, kubeconfig: str | None, context: str | None, impersonate: str | None) -> None:
        """Read the configuration as kubectl does: option, KUBECONFIG, ~/.kube/config, then that of a pod."""
        self.namespace, self._client = _connect(kubeconfig, context)
        self._headers = {"Impersonate-User": impersonate} if impersonate else {}

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """One object. Raises NotFoundError."""
        return self._call("GET", _path(kind, namespace, name))

    def list(self, kind: Kind, namespace: str | None) -> Sequence[Manifest]:
        """All objects of a namespace, page by page; None: of all namespaces."""
        found: list[Manifest] = []
        query = {"limit": str(PAGE)}
        while True:
            page = self._call("GET", f"{_path(kind, namespace)}?{urlencode(query)}")
            # Items of a list carry neither apiVersion nor kind where the server leaves them out.
            found += ({"apiVersion": API_VERSION, "kind": kind.name, **item} for item in page.get("items", []))
            token = page.get("metadata", {}).get("continue")
            if not token:
                return found
            query["continue"] = token

    def create(self, kind: Kind, namespace: str, body: Manifest) -> Manifest:
        """Create an object. Raises AlreadyExistsError."""
        return self._call("POST", _path(kind, namespace) + _MANAGER, body)

    def merge(self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any]) -> Manifest:
        """Apply a merge patch (RFC 7386)."""
        return self._call("PATCH", _path(kind, namespace, name) + _MANAGER, dict(patch), MERGE)

    def append(self, kind: Kind, namespace: str, name: str, field: str, entry: Mapping[str, Any]) -> Manifest:
        """Append an entry to a list in status, by JSON patch."""
        patch = [{"op": "add", "path": f"/status/{field}/-", "value": dict(entry)}]
        return self._call("PATCH", f"{_path(kind, namespace, name)}/status{_MANAGER}", patch, JSON_PATCH)

    def whoami(self) -> Identity:
        """The caller, by SelfSubjectReview."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = self._call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
        user = answer.get("status", {}).get("userInfo", {})
        return Identity(str(user.get("username", "")), tuple(user.get("groups", ())))

    def items(self, path: str) -> Sequence[Manifest]:
        """All objects of a list that is not one of our kinds."""
        found: Sequence[Manifest] = self._call("GET", path).get("items", [])
        return found

    def may(self, user: str, groups: Sequence[str], verb: str, resource: str, namespace: str, name: str) -> bool:
        """Whether somebody holds a right in our API group, by SubjectAccessReview; empty strings: none, or any."""
        attributes = {"group": GROUP, "verb": verb, "resource": resource, "namespace": namespace, "name": name}
        spec = {"user": user, "groups": list(groups), "resourceAttributes": attributes}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = self._call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
        return bool(answer.get("status", {}).get("allowed"))

    def config(self, kind: str, namespace: str, name: str) -> Manifest:
        """A ConfigMap or Secret. Raises NotFoundError."""
        plural = {"ConfigMap": "configmaps", "Secret": "secrets"}[kind]
        return self._call("GET", f"/api/v1/namespaces/{quote(namespace, safe='')}/{plural}/{quote(name, safe='')}")

    def read_namespace(self, name: str) -> Manifest:
        """A Namespace. Raises NotFoundError."""
        return self._call("GET", f"/api/v1/namespaces/{quote(name, safe='')}")

    def annotate_namespace(self, name: str, annotations: Mapping[str, str | None]) -> Manifest:
        """Merge annotations of a Namespace; None takes one away. Raises NotFoundError."""
        patch = {"metadata": {"annotations": dict(annotations)}}
        return self._call("PATCH", f"/api/v1/namespaces/{quote(name, safe='')}{_MANAGER}", patch, MERGE)

    def metrics(self) -> str:
        """The API server's own metrics, as text."""
        return self._send("GET", "/metrics", accept="text/plain").decode(errors="replace")

    def bound_namespaces(self, stack: str) -> Sequence[str]:
        """The target namespaces that are bound to a stack, by their label."""
        query = urlencode({"labelSelector": f"{STACK_LABEL}={stack},{ENVIRONMENT_LABEL}"})
        return [meta["name"] for meta in self._metadata(f"/api/v1/namespaces?{query}")]

    def helm_secrets(self, namespace: str) -> Sequence[Mapping[str, Any]]:
        """The metadata of the Secrets in which Helm keeps its releases there; no contents."""
        query = urlencode({"labelSelector": "owner=helm"})
        return self._metadata(f"/api/v1/namespaces/{quote(namespace, safe='')}/secrets?{query}")

    def _metadata(self, path: str) -> Sequence[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        token = ""
        while True:
            more = "&" + urlencode({"limit": str(PAGE), **({"continue": token} if token else {})})
            page: Manifest = json.loads(self._send("GET", path + more, accept=_METADATA))
            found += (item["metadata"] for item in page.get("items") or ())
            token = page.get("metadata", {}).get("continue") or ""
            if not token:
                return found

    def _call(self, method: str, path: str, body: object = None, content: str = "application/json") -> Manifest:
        found: Manifest = json.loads(self._send(method, path, body, content))
        return found

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> bytes:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        headers = {"Accept": accept, "Content-Type": content, **self._headers}
        try:
            request = self._client.param_serialize(
                method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            answer = self._client.call_api(*request[:4], _request_timeout=TIMEOUT)
            text: bytes = answer.read()  # type: ignore[no-untyped-call]
        except (HTTPError, ApiException, OSError) as problem:
            host = self._client.configuration.host
            msg = f"the API server {host} does not answer ({_cause(problem)}): check --kubeconfig and --context"
            raise UnreachableError(msg) from problem
        if answer.status >= 300:
            raise refusal(answer.status, text)
        return text


_MANAGER = "?fieldManager=lockflight-cli"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def _path(kind: Kind, namespace: str | None, name: str | None = None) -> str:
    base = f"/apis/{GROUP}/{VERSION}"
    scope = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{base}{scope}/{kind.plural}" + (f"/{quote(name, safe='')}" if name else "")


def refusal(status: int, text: bytes) -> CliError:
    """The error for an HTTP status that is none of success, with the server's own words and what to do next."""
    try:
        answer = json.loads(text)
        if not isinstance(answer, dict):
            answer = {}
    except ValueError:
        answer = {}
    # A Status may span lines where a rule's message does; an error is one line.
    message = " ".join(str(answer.get("message") or text[:200].decode(errors="replace") or f"HTTP {status}").split())
    match status:
        case 401:
            return CliError(
                f"the API server does not know you ({message}): log in again, then check kubectl auth whoami"
            )
        case 403:
            advice = "" if "denied request" in message else "; ask for that right, or check kubectl auth whoami"
            return CliError(message + advice)
        case 404 if not answer.get("details", {}).get("name"):
            return NotFoundError(
                f"this cluster does not know {GROUP}/{VERSION}: install the chart charts/lockflight first"
            )
        case 404:
            return NotFoundError(f"{message}; check the name and --namespace")
        case 409 if answer.get("reason") == "AlreadyExists":
            return AlreadyExistsError(f"{message}: choose another name")
        case 409:
            return CliError(f"{message}; it changed meanwhile: look again, then repeat")
        case 429 | 500 | 502 | 503 | 504:
            return UnreachableError(f"the API server cannot answer now ({message}): try again")
    return CliError(message)


def _cause(problem: BaseException) -> str:
    """The innermost reason, short enough for one line."""
    while (inner := getattr(problem, "reason", None)) is not None and isinstance(inner, BaseException):
        problem = inner
    text = str(problem).split(": ", 1)[-1] or type(problem).__name__
    return " ".join(text.split())[:200]


def _connect(kubeconfig: str | None, context: str | None) -> tuple[str, "ApiClient"]:
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.config import ConfigException, load_incluster_config
    from kubernetes.config.kube_config import list_kube_config_contexts, load_kube_config

    settings = Configuration()
    files = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    present = any(Path(part).expanduser().is_file() for part in files.split(os.pathsep) if part)
    try:
        if not present and not kubeconfig and _NAMESPACE_FILE.exists():
            load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
            namespace = _NAMESPACE_FILE.read_text().strip()
        elif not present:
            msg = f"no cluster is configured: {files} does not exist; give --kubeconfig or set KUBECONFIG"
            raise UnreachableError(msg)
        else:
            contexts, current = list_kube_config_contexts(files)  # type: ignore[no-untyped-call]
            chosen = next((c for c in contexts if c["name"] == context), None) if context else current
            if chosen is None:
                known = ", ".join(sorted(c["name"] for c in contexts)) or "none"
                msg = f"context {context!r} is not in {files}; there are: {known}"
                raise click.UsageError(msg)
            namespace = chosen["context"].get("namespace") or "default"
            load_kube_config(  # type: ignore[no-untyped-call]
                files, context=chosen["name"], client_configuration=settings, persist_config=False
            )
    except ConfigException as problem:
        msg = f"{files} cannot be used: {problem}"
        raise UnreachableError(msg) from problem
    # One try: a person would rather read that the server is away than wait.
    settings.retries = 0
    return namespace, ApiClient(configuration=settings)
