"""Broken glass: seen at once, told, written down as an unauthorised change, and mended when its time is over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.common import ENVIRONMENT_LABEL, STACK_LABEL
from lockflight.api.conditions import Condition, condition
from lockflight.api.environment import Environment
from lockflight.policy.glass import BrokenGlass
from lockflight.policy.model import Namespace
from lockflight.policy.unauthorised import Finding
from lockflight.ports import Severity
from lockflight.workflow.deps import Deps
from lockflight.workflow.unauthorised import record

# The longest name of an application.
_LABEL: Final = 40


async def reconcile(deps: Deps, name: str) -> datetime | None:
    """Mend the glass of a namespace where its time is over; else when it will be. Raises PortError."""
    namespace = deps.store.namespaces.get(name)
    if namespace is None or namespace.glass is None:
        return None
    environment = _environment(deps, namespace)
    if environment is not None:
        # Before it is mended: of glass that is whole nobody knows that it was broken.
        await _write_down(deps, environment, name, namespace.glass)
    if not namespace.glass.over(deps.clock.now()):
        if environment is not None:
            said = f"namespace {name}: broken {namespace.glass}"
            deps.events.emit(environment, Severity.WARNING, reasons.GLASS_BROKEN, said)
        return namespace.glass.until
    await deps.cluster.mend_glass(name)
    deps.metrics.count("glass_mended_total", namespace=name)
    if environment is not None:
        said = f"namespace {name}: mended, it was broken {namespace.glass}"
        deps.events.emit(environment, Severity.NORMAL, reasons.GLASS_MENDED, said)
    return None


def shown(deps: Deps, environment: Environment, before: Sequence[Condition]) -> Condition | None:
    """Whether the glass of one of an environment's namespaces is broken; None where it never was."""
    stack, name = environment.metadata.namespace, environment.metadata.name
    open_ = [
        f"namespace {space.name}: {space.glass}"
        for space in deps.store.namespaces.values()
        if space.glass is not None
        and space.labels.get(STACK_LABEL) == stack
        and space.labels.get(ENVIRONMENT_LABEL) == name
    ]
    if not open_ and all(known.type != reasons.GLASS_BROKEN for known in before):
        return None
    return condition(
        reasons.GLASS_BROKEN,
        bool(open_),
        "Broken" if open_ else "Mended",
        "; ".join(sorted(open_)) or "the guard holds again",
        generation=environment.metadata.generation,
        now=deps.clock.now(),
    )


async def _write_down(deps: Deps, environment: Environment, namespace: str, glass: BrokenGlass) -> None:
    """One record for each application that runs there; broken again, or for longer, is another finding of it."""
    until = f"{glass.until:%Y-%m-%dT%H:%M:%SZ}" if glass.until else ""
    finding = Finding(f"Namespace/{namespace}", f"the glass was broken {glass}", glass.by, until)
    running = {row.application for row in environment.status.targets if row.namespace == namespace}
    for application in sorted(running) or [_named_by(environment, namespace)]:
        await record(deps, environment, application, [finding])


def _named_by(environment: Environment, namespace: str) -> str:
    """The application that the namespace is for; its own name where the pattern names none."""
    before, placeholder, after = environment.target_namespace("{application}").partition("{application}")
    application = namespace.removeprefix(before).removesuffix(after)
    found = application if placeholder and environment.target_namespace(application) == namespace else namespace
    return found[:_LABEL].rstrip("-")


def _environment(deps: Deps, namespace: Namespace) -> Environment | None:
    labels = namespace.labels
    return deps.store.get(Environment, labels.get(STACK_LABEL, ""), labels.get(ENVIRONMENT_LABEL, ""))
