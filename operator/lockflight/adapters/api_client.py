"""JSON requests to a Kubernetes API server: credentials, time-outs, retries of reads, errors as the ports name them."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio import config as kube_config
from kubernetes.aio.client import ApiClient, Configuration

from lockflight.ports import ConflictError, GoneError, PortError, RefusedError, UnreachableError

MERGE_PATCH = "application/merge-patch+json"
_JSON = "application/json"
_CHUNK = 16_384
_CONNECTIONS = 100
_READ_ATTEMPTS = 4
_REFUSED = frozenset({400, 403, 405, 406, 413, 415, 422})
_LONGEST_PAUSE = 5.0


class AlreadyExistsError(ConflictError):
    """An object of that name exists."""


class _BusyError(UnreachableError):
    """The server did not take the request on, and may have said when to come again."""

    def __init__(self, message: str, retry_after: float | None, *, taken: bool) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.taken = taken


def path_of(*parts: str) -> str:
    """A URL path with every part quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


class KubeClient:
    """One API server with one set of credentials. Close it when done."""

    def __init__(self, api: ApiClient, *, timeout: float = 15.0) -> None:
        """``timeout``: longest time in seconds for one request with its answer."""
        self._api = api
        self._timeout = timeout

    @classmethod
    async def connect(cls, kubeconfig: str | None = None, *, timeout: float = 15.0) -> "KubeClient":
        """With a kubeconfig file, else ``KUBECONFIG``, else the pod's own service account.

        Raises PortError where none of them can be read.
        """
        configuration = Configuration(connection_pool_maxsize=_CONNECTIONS)
        path = kubeconfig or os.environ.get("KUBECONFIG")
        try:
            if path:
                await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
                    config_file=path, client_configuration=configuration, persist_config=False
                )
            else:
                kube_config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
        except (kube_config.ConfigException, OSError) as problem:
            msg = f"no usable credentials for a cluster ({path or 'no KUBECONFIG, not in a pod'}): {problem}"
            raise PortError(msg) from problem
        api = ApiClient(configuration)
        api.user_agent = "lockflight"
        return cls(api, timeout=timeout)

    async def close(self) -> None:
        """Give the connections back."""
        await self._api.close()  # type: ignore[no-untyped-call]

    async def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        accept: str = _JSON,
        impersonate: str | None = None,
    ) -> dict[str, Any]:
        """Read; tried again where the server is busy or does not answer. Raises PortError."""
        for attempt in range(1, _READ_ATTEMPTS + 1):
            try:
                return await self._send("GET", path, query=query, accept=accept, impersonate=impersonate)
            except UnreachableError as problem:
                if attempt == _READ_ATTEMPTS:
                    raise
                await asyncio.sleep(_pause(problem, attempt))
        raise AssertionError

    async def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = _JSON,
        impersonate: str | None = None,
    ) -> dict[str, Any]:
        """POST, PUT or PATCH once; again only where the server said that it did not take it on. Raises PortError."""
        for attempt in range(1, _READ_ATTEMPTS + 1):
            try:
                return await self._send(
                    method, path, query=query, body=body, content_type=content_type, impersonate=impersonate
                )
            except _BusyError as problem:
                if problem.taken or attempt == _READ_ATTEMPTS:
                    raise
                await asyncio.sleep(_pause(problem, attempt))
        raise AssertionError

    async def text(
        self, path: str, query: Mapping[str, str], *, limit: int, seconds: float, impersonate: str | None = None
    ) -> bytes:
        """The first ``limit`` bytes of an answer that is no JSON, once, within ``seconds``. Raises PortError.

        What comes later is not read, however much it is.
        """
        headers = {"Accept": "*/*", "Content-Type": _JSON}
        if impersonate is not None:
            headers["Impersonate-User"] = impersonate
        target, kept = f"{path}?{urlencode(query)}", bytearray()
        try:
            verb, url, sent, payload, _ = await self._api.param_serialize(
                "GET", target, header_params=headers, auth_settings=["BearerToken"]
            )
            answer = await self._api.call_api(
                verb, url, sent, payload, _request_timeout=aiohttp.ClientTimeout(total=seconds)
            )
            try:
                async for chunk in answer.response.content.iter_chunked(_CHUNK):
                    kept += chunk
                    if len(kept) >= limit:
                        break
            finally:
                # Closed, not given back: what is left unread would be read on.
                answer.response.close()
        except TimeoutError as problem:
            msg = f"the API server did not answer GET {path} within {seconds:g} s"
            raise UnreachableError(msg) from problem
        except (aiohttp.ClientError, OSError) as problem:
            msg = f"the API server cannot be reached: {problem}"
            raise UnreachableError(msg) from problem
        if 200 <= answer.status < 300:
            return bytes(kept[:limit])
        raise _error(answer.status, None, bytes(kept), f"GET {path}")

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
        impersonate: str | None = None,
    ) -> dict[str, Any]:
        headers = {"Accept": accept, "Content-Type": content_type}
        if impersonate is not None:
            headers["Impersonate-User"] = impersonate
        target = f"{path}?{urlencode(query)}" if query else path
        async with self._answer(method, target, headers, body) as (status, retry_after, text):
            if 200 <= status < 300:
                return _object(text)
            raise _error(status, retry_after, text, f"{method} {path}")

    @asynccontextmanager
    async def _answer(
        self, method: str, target: str, headers: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> AsyncIterator[tuple[int, str | None, bytes]]:
        api = self._api
        try:
            verb, url, sent, payload, _ = await api.param_serialize(
                method,
                target,
                header_params=dict(headers),
                body=dict(body) if body is not None else None,
                auth_settings=["BearerToken"],
            )
            response = await api.call_api(
                verb, url, sent, payload, _request_timeout=aiohttp.ClientTimeout(total=self._timeout)
            )
            text = await response.read()  # type: ignore[no-untyped-call]
        except TimeoutError as problem:
            msg = f"the API server did not answer {method} {target} within {self._timeout:g} s"
            raise UnreachableError(msg) from problem
        except (aiohttp.ClientError, OSError) as problem:
            msg = f"the API server cannot be reached: {problem}"
            raise UnreachableError(msg) from problem
        yield response.status, response.headers.get("Retry-After"), text


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as problem:
        msg = "the API server's answer is not JSON"
        raise UnreachableError(msg) from problem
    return found if isinstance(found, dict) else {}


def _error(status: int, retry_after: str | None, text: bytes, what: str) -> PortError:
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    known = isinstance(said, dict) and said.get("kind") == "Status"
    message = str(said.get("message", "")) if known else ""
    message = message or f"{what}: HTTP {status}"
    if status == 404 and known:
        return GoneError(message)
    if status == 404:
        return UnreachableError(f"{what}: the API server does not know this kind; are the CRDs installed?")
    if status == 409:
        exists = known and said.get("reason") == "AlreadyExists"
        return AlreadyExistsError(message) if exists else ConflictError(message)
    if status in _REFUSED:
        return RefusedError(message)
    if status == 401:
        return UnreachableError(f"the API server does not accept our credentials: {message}")
    seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
    return _BusyError(message, seconds, taken=status != 429)


def _pause(problem: UnreachableError, attempt: int) -> float:
    """Seconds until the next attempt: as the server asked, else doubling, never all clients at once."""
    asked = problem.retry_after if isinstance(problem, _BusyError) else None
    base = asked if asked is not None else 0.1 * 2**attempt
    return min(base, _LONGEST_PAUSE) * random.uniform(1.0, 1.5)  # noqa: S311


def items_of(answer: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """The items of a list answer."""
    items = answer.get("items")
    return items if isinstance(items, list) else []
