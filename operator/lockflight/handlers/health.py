"""Liveness, readiness and metrics over HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

_Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe is told: whether all is well, and in words."""

    well: bool
    words: str


class Http:
    """Serves /healthz, /readyz and /metrics until closed. That it answers at all shows that the event loop turns."""

    def __init__(
        self, *, healthy: Callable[[], Answer], ready: Callable[[], Answer], exposition: Callable[[], bytes]
    ) -> None:
        app = web.Application()
        app.router.add_get("/healthz", _probe(healthy))
        app.router.add_get("/readyz", _probe(ready))
        app.router.add_get("/metrics", _metrics(exposition))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    async def open(self, port: int) -> None:
        """Listen on ``port`` of every address. Raises OSError where it is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, port=port).start()

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()


def _probe(ask: Callable[[], Answer]) -> _Handler:
    async def handle(_: web.Request) -> web.Response:
        answer = ask()
        return web.Response(status=200 if answer.well else 503, text=f"{answer.words}\n")

    return handle


def _metrics(exposition: Callable[[], bytes]) -> _Handler:
    async def handle(_: web.Request) -> web.Response:
        kind = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=exposition(), headers=kind)

    return handle
