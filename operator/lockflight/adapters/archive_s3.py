"""The Archive port on an S3-compatible store."""

import asyncio
import io
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar
from urllib.parse import urlsplit

import certifi
import urllib3
from minio import Minio
from minio.commonconfig import COMPLIANCE, GOVERNANCE
from minio.credentials.credentials import Credentials
from minio.credentials.providers import Provider
from minio.error import MinioException, S3Error
from minio.retention import Retention

from lockflight.ports import PortError, RefusedError, TamperedError, UnreachableError

P = ParamSpec("P")
T = TypeVar("T")

Lock = Literal["Off", "Governance", "Compliance"]

_MODES = {"Governance": GOVERNANCE, "Compliance": COMPLIANCE}
_REFUSED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "InvalidRequest")
_SECONDS = 10.0


class FolderCredentials(Provider):
    """The keys in the files ``accessKey`` and ``secretKey`` of a folder, read anew for each request: they rotate."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def retrieve(self) -> Credentials:
        """Raises OSError where a file is missing."""
        access, secret = ((self._folder / name).read_text().strip() for name in ("accessKey", "secretKey"))
        return Credentials(access, secret)


class S3Archive:
    """One object for each name. With ``lock`` the store itself keeps it until then: the bucket needs object lock.

    ``endpoint`` is a URL such as https://s3.example.com; without TLS the keys are not sent, but what is archived is.
    """

    def __init__(
        self, endpoint: str, region: str, bucket: str, prefix: str, credentials: Path, lock: Lock = "Off"
    ) -> None:
        """Raises ValueError where the endpoint is no URL of a host."""
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
            msg = f"{endpoint!r} is no endpoint: write https://host or https://host:port"
            raise ValueError(msg)
        self._bucket, self._lock = bucket, lock
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._where = f"s3://{bucket}/{self._prefix} at {parts.netloc}"
        self._client = Minio(
            parts.netloc,
            secure=parts.scheme == "https",
            region=region,
            credentials=FolderCredentials(credentials),
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=_SECONDS, read=_SECONDS),
                cert_reqs="CERT_REQUIRED",
                ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
                retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
            ),
        )

    async def put(self, name: str, content: bytes, until: datetime) -> None:
        """Have ``content`` under ``name``, read back and compared. Raises TamperedError, PortError."""
        await self._done(self._put, name, content, until)

    async def get(self, name: str) -> bytes | None:
        """What is under that name; None where nothing is. Raises PortError."""
        return await self._done(self._read, name)

    async def names(self, folder: str, after: str = "") -> Sequence[str]:
        """The names that begin with ``folder`` and come behind ``after``, sorted. Raises PortError."""
        return await self._done(self._names, folder, after)

    async def _done(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        try:
            return await asyncio.to_thread(work, *arguments, **named)
        except S3Error as problem:
            # The whole text names the request; it is for the store's operator.
            msg = f"the archive {self._where} says {problem.code}: {problem.message}"
            raise (RefusedError(msg) if problem.code in _REFUSED else UnreachableError(msg)) from problem
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as problem:
            msg = f"the archive {self._where} does not answer: {type(problem).__name__}"
            raise UnreachableError(msg) from problem
        except ValueError as problem:
            msg = f"the archive {self._where}: {problem}"
            raise PortError(msg) from problem

    def _put(self, name: str, content: bytes, until: datetime) -> None:
        if self._read(name) is None:
            mode = _MODES.get(self._lock)
            self._client.put_object(
                self._bucket,
                self._prefix + name,
                io.BytesIO(content),
                len(content),
                content_type="application/jsonl",
                retention=Retention(mode, until) if mode else None,
            )
        if self._read(name) != content:
            msg = f"{name} in the archive {self._where} holds something else than what was sealed"
            raise TamperedError(msg)

    def _read(self, name: str) -> bytes | None:
        try:
            answer = self._client.get_object(self._bucket, self._prefix + name)
        except S3Error as problem:
            if problem.code == "NoSuchKey":
                return None
            raise
        try:
            return answer.read()
        finally:
            answer.close()
            answer.release_conn()

    def _names(self, folder: str, after: str) -> list[str]:
        found = self._client.list_objects(
            self._bucket,
            prefix=self._prefix + folder,
            start_after=self._prefix + after if after else None,
            recursive=True,
        )
        names = (str(one.object_name).removeprefix(self._prefix) for one in found)
        return sorted(name for name in names if name > after)
