"""Requests to a server that is busy, slow, refuses or is not there."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from lockflight.adapters.api_client import KubeClient
from lockflight.ports import ConflictError, GoneError, PortError, RefusedError, UnreachableError


class Server:
    """Gives the answers queued for it."""

    def __init__(self) -> None:
        self.answers: list[web.Response] = []
        self.requests: list[str] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.method)
        return self.answers.pop(0)


def status(code: int, reason: str = "", message: str = "said so", **headers: str) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return web.Response(status=code, text=json.dumps(body), headers=headers, content_type="application/json")


def good() -> web.Response:
    return web.json_response({"kind": "ConfigMap"})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server on loopback."""
    serving = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serving.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    serving.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield serving
    await runner.cleanup()


def kubeconfig(folder: Path, url: str) -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


@pytest.fixture
async def asking(server: Server, tmp_path: Path) -> AsyncIterator[KubeClient]:
    """A client of that server."""
    client = await KubeClient.connect(kubeconfig(tmp_path, server.url), timeout=2)
    yield client
    await client.close()


async def test_a_read_is_tried_again_when_the_server_is_busy(server: Server, asking: KubeClient) -> None:
    busy = {"Retry-After": "0"}
    server.answers = [status(429, **busy), status(503, **busy), good()]
    assert await asking.get("/x") == {"kind": "ConfigMap"}
    assert server.requests == ["GET"] * 3


async def test_a_read_gives_up_in_the_end(server: Server, asking: KubeClient) -> None:
    server.answers = [status(500, **{"Retry-After": "0"}) for _ in range(5)]
    with pytest.raises(UnreachableError, match="said so"):
        await asking.get("/x")
    assert len(server.requests) == 4


async def test_a_write_is_repeated_only_where_it_was_not_taken_on(server: Server, asking: KubeClient) -> None:
    server.answers = [status(429, **{"Retry-After": "0"}), good()]
    await asking.write("POST", "/x", {"kind": "ConfigMap"})
    assert server.requests == ["POST"] * 2
    server.answers = [status(500)]
    with pytest.raises(UnreachableError):
        await asking.write("POST", "/x", {"kind": "ConfigMap"})
    assert server.requests == ["POST"] * 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: status(403, "Forbidden"), RefusedError),
        (lambda: status(422, "Invalid"), RefusedError),
        (lambda: status(404, "NotFound"), GoneError),
        (lambda: status(409, "Conflict"), ConflictError),
    ],
    ids=["forbidden", "invalid", "not found", "conflict"],
)
async def test_refusals_carry_the_servers_words(
    server: Server, asking: KubeClient, answer: Callable[[], web.Response], error: type[PortError]
) -> None:
    server.answers = [answer()]
    with pytest.raises(error, match="said so"):
        await asking.write("PATCH", "/x", {"a": 1})


async def test_a_kind_that_the_server_does_not_know_is_not_an_object_that_is_gone(
    server: Server, asking: KubeClient
) -> None:
    server.answers = [web.Response(status=404, text="404 page not found\n")]
    with pytest.raises(UnreachableError, match="are the CRDs installed"):
        await asking.write("PATCH", "/apis/lockflight.dev/v1alpha1/x", {"a": 1})


async def test_credentials_that_are_not_accepted_are_named(server: Server, asking: KubeClient) -> None:
    server.answers = [status(401, "Unauthorized")]
    with pytest.raises(UnreachableError, match="does not accept our credentials"):
        await asking.write("POST", "/x", {})


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    client = await KubeClient.connect(kubeconfig(tmp_path, "http://127.0.0.1:1"))
    with pytest.raises(UnreachableError, match="cannot be reached"):
        await client.write("POST", "/x", {})
    await client.close()


async def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client = await KubeClient.connect(kubeconfig(tmp_path, f"http://127.0.0.1:{port}"), timeout=0.2)
    with pytest.raises(UnreachableError, match=r"within 0\.2 s"):
        await client.write("POST", "/x", {})
    await client.close()
    listening.close()


async def test_credentials_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(PortError, match="no usable credentials"):
        await KubeClient.connect(str(tmp_path / "missing"))
