"""A real API server that knows our kinds, asked over HTTP."""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import config
from kubernetes.client.exceptions import ApiException

from lockflight.api.kinds import BY_NAME

from .objects import Json

NAMESPACE = "rules"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong with an object."""

    field: str
    message: str


class RefusedError(Exception):
    """The API server said no."""

    def __init__(self, status: Json) -> None:
        super().__init__(status.get("message", ""))
        self.causes = [
            Cause(cause.get("field", ""), cause.get("message", ""))
            for cause in status.get("details", {}).get("causes", [])
        ]


class Server:
    """The API server as the administrator sees it."""

    def __init__(self, kubeconfig: Path) -> None:
        self._client = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def try_create(self, obj: Json) -> Json:
        """What would be stored. Raises RefusedError."""
        return self._send("POST", self._url(obj) + "?dryRun=All&fieldValidation=Strict", self._placed(obj))

    def create(self, obj: Json) -> Json:
        """Store it under a name of its own. Raises RefusedError."""
        placed, number = self._placed(obj), next(self._numbers)
        if obj["kind"] == "AuditRecord":
            # Its name is its place.
            placed["spec"] = {**obj["spec"], "sequence": 1000 + number}
            placed["metadata"]["name"] = f"{obj['spec']['stack']}-{1000 + number:010}"
        else:
            placed["metadata"]["name"] += f"-{number}"
        return self._send("POST", self._url(obj), placed)

    def try_replace(self, stored: Json, wanted: Json) -> Json:
        """What would be stored if the spec of ``stored`` became that of ``wanted``. Raises RefusedError."""
        changed = {**stored, "spec": wanted["spec"]}
        if stored["kind"] == "AuditRecord":
            changed["spec"] = {**wanted["spec"], "sequence": stored["spec"]["sequence"]}
        return self._send("PUT", self._url(stored, stored) + "?dryRun=All&fieldValidation=Strict", changed)

    def patch_status(self, stored: Json, body: object, content: str = JSON_PATCH, *, dry_run: bool = False) -> Json:
        """Patch the status of a stored object. Raises RefusedError."""
        url = self._url(stored, stored) + "/status?fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        return self._send("PATCH", url, body, content)

    def get(self, stored: Json) -> Json:
        """The object as it is now."""
        return self._send("GET", self._url(stored, stored))

    def _url(self, obj: Json, named: Json | None = None) -> str:
        base = f"/apis/lockflight.dev/v1alpha1/namespaces/{NAMESPACE}/{BY_NAME[obj['kind']].plural}"
        return f"{base}/{named['metadata']['name']}" if named else base

    def _placed(self, obj: Json) -> Json:
        return {**obj, "metadata": {**obj["metadata"], "namespace": NAMESPACE}}

    def _send(self, method: str, path: str, body: object = None, content: str = "application/json") -> Json:
        headers = {"Content-Type": content, "Accept": "application/json"}
        try:
            answer = self._client.call_api(method, self._client.configuration.host + path, headers, body)
            status, data = answer.status, answer.read()
        except ApiException as error:
            status, data = error.status, error.body or b"{}"
        answered: dict[str, Any] = json.loads(data)
        if status >= 300:
            raise RefusedError(answered)
        return answered
