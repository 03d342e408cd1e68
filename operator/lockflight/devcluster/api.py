"""The few requests that are made before kubectl is worth its start-up time."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from lockflight.devcluster.pki import Pair
from lockflight.devcluster.ports import LOOPBACK


def http_status(port: int, path: str) -> int:
    """Status of a plain-HTTP GET on loopback; 0 when nothing answers."""
    return _status(http.client.HTTPConnection(LOOPBACK, port, timeout=2), path)


def https_status(port: int, path: str, ca: Path) -> int:
    """Status of an anonymous HTTPS GET on loopback; 0 when nothing answers."""
    context = ssl.create_default_context(cafile=str(ca))
    return _status(http.client.HTTPSConnection(LOOPBACK, port, timeout=2, context=context), path)


def _status(connection: http.client.HTTPConnection, path: str) -> int:
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class Api:
    """The API server, as the holder of a client certificate."""

    def __init__(self, port: int, ca: Path, pair: Pair) -> None:
        """Prepare; nothing is sent yet."""
        self._port = port
        self._context = ssl.create_default_context(cafile=str(ca))
        self._context.load_cert_chain(pair.cert, pair.key)

    def get(self, path: str) -> dict[str, Any]:
        """Read an object or a list."""
        return self._send("GET", path, None, {})

    def delete(self, path: str) -> None:
        """Delete an object."""
        self._send("DELETE", path, None, {})

    def apply(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Server-side apply one object."""
        headers = {"Content-Type": "application/apply-patch+yaml"}
        return self._send("PATCH", f"{path}?fieldManager=lockflight-dev&force=true", body, headers)

    def _send(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> dict[str, Any]:
        connection = http.client.HTTPSConnection(LOOPBACK, self._port, timeout=10, context=self._context)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            content: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= 300:
            msg = f"{method} {path}: {response.status} {content.get('message', '')}"
            raise OSError(msg)
        return content
