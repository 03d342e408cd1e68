"""The Checkpoints port: signed with Ed25519 (RFC 8032), posted to a URL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lockflight.policy.checkpoints import canonical, text
from lockflight.ports import RefusedError, UnreachableError

_SECONDS = 10.0


class SignedWebhook:
    """Each checkpoint is one POST, without following redirects; any 2xx answer means that it is kept there."""

    def __init__(self, url: str, key: Path) -> None:
        """``key`` is an Ed25519 private key without a password, PEM. Raises ValueError where it is none, OSError."""
        self._url = url
        try:
            loaded = load_pem_private_key(key.read_bytes(), password=None)
        except (ValueError, TypeError) as problem:
            msg = f"{key} is no private key without a password in PEM"
            raise ValueError(msg) from problem
        if not isinstance(loaded, Ed25519PrivateKey):
            msg = f"{key} is no Ed25519 key: openssl genpkey -algorithm ed25519 makes one"
            raise ValueError(msg)
        self._key = loaded

    async def post(self, content: Mapping[str, Any]) -> None:
        """Sign and post. Raises RefusedError, UnreachableError; the URL, which may hold a token, is not told."""
        data = text(content, self._key.sign(canonical(content)))
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        headers = {"Content-Type": "application/json"}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
                session.post(self._url, data=data, headers=headers, allow_redirects=False) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            msg = f"the receiver of checkpoints does not answer: {type(problem).__name__}"
            raise UnreachableError(msg) from problem
        if not 200 <= status < 300:
            msg = f"the receiver of checkpoints answers {status}"
            raise (RefusedError if 300 <= status < 500 else UnreachableError)(msg)
