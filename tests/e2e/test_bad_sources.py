"""Values from Secrets and ConfigMaps, and charts from repositories, that are not as they should be."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Neighbour, Operator
from tests.e2e.stack import Stack, eventually

ONE = [{"name": "integration", "tier": "Integration"}]
PASSWORD = "correct-horse-battery-staple"
PIN = 98765432109876543210


def _environment(name: str, kind: str, source: str) -> dict[str, Any]:
    return {"name": name, "tier": "Local", "spec": {"valuesFrom": [{"kind": kind, "name": source}]}}


def _secret(stack: Stack, name: str, text: str) -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"values.yaml": text}}
    stack.kubectl("create", "-f", "-", stdin=json.dumps(body))


def test_sources_of_values_that_cannot_be_read(stack: Stack, operator: Operator) -> None:
    bomb = "\n".join(
        ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    )
    texts = {
        "torn": f"message: [{PASSWORD}",
        "list": f"- {PASSWORD}",
        "number": f"pin: {PIN}",
        "bomb": f"message: {PASSWORD}\n{bomb}",
        "schema": f"replicas: {PASSWORD}",
        "server": f"message: fine\nglobal: {{port: {PASSWORD}}}",
    }
    stack.install(
        [
            *ONE,
            _environment("missing", "Secret", "none"),
            _environment("map", "ConfigMap", "none"),
            *(_environment(name, "Secret", name) for name in texts),
        ]
    )

    for name, text in texts.items():
        _secret(stack, name, text)

    def port_from_values(folder: Path) -> None:
        file = folder / "templates" / "app.yaml"
        text = file.read_text()
        assert "targetPort: http" in text
        file.write_text(
            text.replace("targetPort: http", 'targetPort: {{ dig "port" "http" (.Values.global | default dict) }}')
        )

    stack.chart("1.0.0", edit=port_from_values)
    release = stack.release("1.0.0")

    wanted = {
        "missing": (
            "ValuesMissing",
            f"spec.valuesFrom[0] of missing: Secret none key values.yaml does not exist in {stack.name}: create it",
        ),
        "map": ("ValuesMissing", "spec.valuesFrom[0] of map: ConfigMap none key values.yaml does not exist"),
        "torn": ("ValuesUnreadable", "Secret torn key values.yaml in"),
        "list": ("ValuesUnreadable", "is not a YAML mapping"),
        "number": ("ValuesNotCanonical", "put it in quotes"),
        "bomb": ("ValuesTooLarge", "mind anchors in it"),
        "schema": ("RenderFailed", "/replicas"),
    }
    for environment, (reason, words) in wanted.items():
        message = stack.says(f"{release}-{environment}", "Binding", reason)
        assert words in message, message
    status = stack.reaches(f"{release}-server", "RolledBack")
    message = next(c for c in status["conditions"] if c["type"] == "Succeeded")["message"]
    assert "could not apply component app" in message
    stack.reaches(f"{release}-integration", "Succeeded")

    _nothing_shows(stack, operator, PASSWORD, str(PIN))


def test_a_secret_reaches_the_chart_and_nothing_else(stack: Stack, operator: Operator) -> None:
    stack.install([_environment("local", "Secret", "settings")])
    _secret(stack, "settings", f"message: {PASSWORD}")
    release = stack.release("1.0.0")

    status = stack.reaches(f"{release}-local", "Succeeded")

    page = stack.get("configmap", f"{stack.name}-app", f"{stack.name}-local")["data"]["index.html"]
    assert PASSWORD in page
    assert any("Secret settings" in source for source in status["plan"]["components"][0]["valuesFrom"])
    _nothing_shows(stack, operator, PASSWORD)


def _nothing_shows(stack: Stack, operator: Operator, *secrets: str) -> None:
    """No secret in what we write: status, events and logs."""
    assert operator.process is not None
    shown = stack.kubectl("get", "lockflight,events", "-A", "-o", "json") + operator.process.log.read_text()
    for secret in secrets:
        assert secret not in shown, shown[max(0, shown.index(secret) - 400) : shown.index(secret) + 50]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Guarded(_Quiet):
    def do_GET(self) -> None:
        """Let nobody in."""
        self.send_error(401)


@contextmanager
def _served(folder: Path, handler: type[_Quiet] = _Quiet) -> Iterator[str]:
    """A chart repository: a folder behind a web server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _from(repository: str, stack: Stack, release: str, **chart: str) -> str:
    """A Release of the chart app 1.0.0 in a repository, or as ``chart`` says; its name."""
    name = f"{stack.name}-{release}"
    spec = {
        "application": stack.name,
        "version": release,
        "chart": {"repository": repository, "name": "app", "version": "1.0.0", **chart},
        "evidence": [{"type": kind, "result": "Passed"} for kind in ("static-analysis", "unit-tests")],
    }
    stack.create("Release", name, spec)
    return name


def test_a_chart_from_a_repository_and_what_can_be_wrong_with_it(stack: Stack) -> None:
    stack.install(ONE)
    stack.chart("1.0.0")
    place = stack.work / "repository"
    place.mkdir()
    archive = place / "app-1.0.0.tgz"
    archive.write_bytes((stack.work / "app-1.0.0.tgz").read_bytes())
    with _served(place) as url:
        empty = _from(url, stack, "1.0.0")
        assert url.removeprefix("http://") in stack.becomes("lfrel", empty, "Ready", "ChartNotFound")
        stack.helm("repo", "index", str(place))
        good = _from(url, stack, "1.0.1")
        other = _from(url, stack, "1.0.2", version="9.0.0")
        differs = _from(url, stack, "1.0.3", digest="sha256:" + "0" * 64)

        stack.reaches(f"{good}-integration", "Succeeded")
        assert "app" in stack.becomes("lfrel", other, "Ready", "ChartNotFound")
        message = stack.becomes("lfrel", differs, "Ready", "DigestMismatch")
        assert "the release pins sha256:000" in message
    resolved = stack.status("lfrel", good)["components"][0]["chartDigest"]
    assert resolved in message

    archive.write_bytes(b"not a chart")
    with _served(place) as url, _served(place, _Guarded) as guarded:
        broken = _from(url, stack, "1.0.4")
        closed = _from(guarded, stack, "1.0.5")
        assert "is not a chart archive" in stack.becomes("lfrel", broken, "Ready", "ChartUnreadable")
        message = stack.becomes("lfrel", closed, "Ready", "RegistryRefused")
        assert "give the operator credentials" in message


def test_a_repository_that_never_answers_holds_up_nobody_else(stack: Stack, neighbour: Neighbour) -> None:
    stack.install(ONE)
    with _silent() as url:
        waiting = [_from(url, stack, f"1.0.{number}") for number in range(10)]
        neighbour.gets_through()
    eventually(lambda: stack.condition("lfrel", waiting[0], "Ready").get("reason") == "RegistryUnreachable", "an end")
