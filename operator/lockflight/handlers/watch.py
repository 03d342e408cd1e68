"""Kopf, for its watches alone: it patches nothing, annotates nothing, posts nothing, and owns no finalizer."""

import os
from collections.abc import Callable

import kopf

from lockflight.handlers.intake import Intake
from lockflight.handlers.kinds import ADMISSION, WATCHED, Watched

# Above kopf's inactivity timeout, so that a silent stream ends for what it is; below the age that fails liveness.
_SERVER_TIMEOUT = 300
_CLIENT_TIMEOUT = 310


def registry(
    intake: Intake, told: Callable[[str], None], admission_changed: Callable[[], None]
) -> kopf.OperatorRegistry:
    """One event handler a kind; ``told`` hears the kind of every event, ``admission_changed`` of every policy's."""
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers, id="login")(_login)
    for kind in WATCHED:
        _watch(handlers, kind, intake, told)
    for plural in ADMISSION:
        _watch_admission(handlers, plural, admission_changed)
    return handlers


def _watch(handlers: kopf.OperatorRegistry, kind: Watched, intake: Intake, told: Callable[[str], None]) -> None:
    async def event(event: kopf.RawEvent, **_: object) -> None:
        told(kind.kind)
        if event["type"] == "DELETED":
            intake.gone(kind.kind, event["object"])
        else:
            intake.saw(kind.kind, event["object"])

    where = (kind.group, kind.version, kind.plural) if kind.group else (kind.version, kind.plural)
    kopf.on.event(*where, registry=handlers, id=kind.plural)(event)


def _watch_admission(handlers: kopf.OperatorRegistry, plural: str, changed: Callable[[], None]) -> None:
    async def event(**_: object) -> None:
        changed()

    kopf.on.event("admissionregistration.k8s.io", "v1", plural, registry=handlers, id=plural)(event)


def _login(**kwargs: object) -> kopf.ConnectionInfo | None:
    """The same credentials as the rest of the operator; asked again when the API server refuses a rotated token."""
    if os.environ.get("KUBECONFIG"):
        return kopf.login_with_kubeconfig(**kwargs)  # type: ignore[arg-type]
    return kopf.login_with_service_account(**kwargs)  # type: ignore[arg-type]


def settings() -> kopf.OperatorSettings:
    """Kopf's settings where its defaults do not fit."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.peering.standalone = True
    # The CRDs are known to be there; watching them costs a right on every CRD of the cluster.
    chosen.scanning.disabled = True
    chosen.watching.server_timeout = _SERVER_TIMEOUT
    chosen.watching.client_timeout = _CLIENT_TIMEOUT
    chosen.watching.chunk_size = 500
    chosen.networking.connect_timeout = 10
    chosen.networking.request_timeout = 30
    # A storm of 429 or 5xx parks an object for 30 s at most, not for ten minutes.
    chosen.queueing.error_delays = (1, 1, 2, 3, 5, 8, 13, 21, 30)
    chosen.networking.error_backoffs = (1, 1, 2, 3, 5, 8, 13, 21, 30)
    chosen.networking.enforce_retry_after = True
    # Workers of idle objects go at once: an object's events are rarely close together.
    chosen.queueing.idle_timeout = 1.0
    # The process ends itself in time; killing its thread is not kopf's part.
    chosen.process.ultimate_exiting_timeout = None
    return chosen
