"""Kubeconfig files with everything inline, so that each can be copied anywhere."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import yaml

from lockflight.devcluster.files import write_private
from lockflight.devcluster.pki import Pair


def for_certificate(path: Path, *, server: str, ca: Path, user: str, pair: Pair) -> Path:
    """Write a kubeconfig that proves `user` by a client certificate."""
    credentials = {"client-certificate-data": _encoded(pair.cert), "client-key-data": _encoded(pair.key)}
    return _write(path, server, ca, user, credentials)


def for_token(path: Path, *, server: str, ca: Path, user: str, token: str, namespace: str) -> Path:
    """Write a kubeconfig that proves a service account by a bearer token, with its namespace as the default."""
    return _write(path, server, ca, user, {"token": token}, namespace)


def _write(path: Path, server: str, ca: Path, user: str, credentials: dict[str, str], namespace: str = "") -> Path:
    context: dict[str, str] = {"cluster": "lockflight-dev", "user": user}
    if namespace:
        context["namespace"] = namespace
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "lockflight-dev", "cluster": {"server": server, "certificate-authority-data": _encoded(ca)}}
        ],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": user, "context": context}],
        "current-context": user,
    }
    write_private(path, yaml.safe_dump(content, sort_keys=False).encode())
    return path


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
