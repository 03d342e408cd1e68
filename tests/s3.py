"""A store that speaks as much of S3 as an archive needs, and is honest: it checks every signature (SigV4) and every
content hash, lists in pages, and lets nobody write again what is locked.

Written from the description of Signature Version 4; it shares no code with the client.
"""

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 3
"""Names in one answer: small, so that tests go over pages."""
_LATE = 900.0


class Bucket:
    """What the store holds; tests read and spoil ``objects``."""

    def __init__(self, name: str, access: str, secret: str) -> None:
        self.name, self.access, self.secret = name, access, secret
        self.objects: dict[str, bytes] = {}
        self.locks: dict[str, tuple[str, str]] = {}
        """Mode and until when."""
        self.refused: list[str] = []
        self.url = ""


@contextmanager
def served(bucket: Bucket) -> Iterator[Bucket]:
    """The store on a port of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"bucket": bucket}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    bucket.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self._answer(b"")

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_DELETE(self) -> None:
        self._answer(b"")

    def do_PUT(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        problem = self._unsigned(parts.path, parts.query, body)
        if problem:
            self.bucket.refused.append(problem)
            self._error(403, problem)
            return
        name, _, key = unquote(parts.path).lstrip("/").partition("/")
        if name != self.bucket.name:
            self._error(404, "NoSuchBucket")
        elif self.command == "GET" and not key:
            self._list(dict(parse_qsl(parts.query)))
        elif self.command == "GET":
            found = self.bucket.objects.get(key)
            self._send(200, found) if found is not None else self._error(404, "NoSuchKey")
        elif self.command == "PUT":
            self._put(key, body)
        else:
            self._error(405, "MethodNotAllowed")

    def _put(self, key: str, body: bytes) -> None:
        mode, until = (self.headers.get(f"x-amz-object-lock-{part}") for part in ("mode", "retain-until-date"))
        if key in self.bucket.locks:
            self._error(403, "AccessDenied")
            return
        self.bucket.objects[key] = body
        if mode and until:
            self.bucket.locks[key] = (mode, until)
        self._send(200, b"", ETag=f'"{hashlib.md5(body).hexdigest()}"')  # noqa: S324

    def _list(self, query: dict[str, str]) -> None:
        after = query.get("continuation-token") or query.get("start-after", "")
        found = sorted(k for k in self.bucket.objects if k.startswith(query.get("prefix", "")) and k > after)
        page, more = found[:PAGE], len(found) > PAGE
        rows = "".join(
            f"<Contents><Key>{escape(quote(key))}</Key><Size>{len(self.bucket.objects[key])}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>x</ETag></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        self._send(
            200,
            (
                '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<Name>{self.bucket.name}</Name><EncodingType>url</EncodingType><KeyCount>{len(page)}</KeyCount>"
                f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
            ).encode(),
        )

    def _unsigned(self, path: str, query: str, body: bytes) -> str:
        """The S3 error code; empty where the signature is that of this very request."""
        header = self.headers.get("Authorization", "")
        if not header.startswith("AWS4-HMAC-SHA256 "):
            return "AccessDenied"
        given = dict(part.strip().split("=", 1) for part in header.partition(" ")[2].split(","))
        access, day, region, service, end = given["Credential"].split("/")
        when = self.headers.get("x-amz-date", "")
        moment = datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs((datetime.now(UTC) - moment).total_seconds()) > _LATE or when[:8] != day:
            return "RequestTimeTooSkewed"
        if access != self.bucket.access:
            return "InvalidAccessKeyId"
        said = self.headers.get("x-amz-content-sha256", "")
        if said != hashlib.sha256(body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        names = given["SignedHeaders"].split(";")
        if "host" not in names or any(n.lower() not in names for n in self.headers if n.lower().startswith("x-amz-")):
            return "AccessDenied"
        pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(query, True))
        canonical = "\n".join(
            (
                self.command,
                quote(unquote(path), safe="/-_.~"),
                "&".join(f"{k}={v}" for k, v in pairs),
                *(f"{name}:{' '.join((self.headers[name] or '').split())}" for name in names),
                "",
                ";".join(names),
                said,
            )
        )
        scope = f"{day}/{region}/{service}/{end}"
        text = f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{self.bucket.secret}".encode()
        for part in (day, region, service, end):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        wanted = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return "" if hmac.compare_digest(wanted, given["Signature"]) else "SignatureDoesNotMatch"

    def _error(self, status: int, code: str) -> None:
        self._send(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
