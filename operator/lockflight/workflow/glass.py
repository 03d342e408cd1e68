"""Broken glass: seen at once, told, and mended when its time is over."""

from collections.abc import Sequence
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import ENVIRONMENT_LABEL, STACK_LABEL
from lockflight.api.conditions import Condition, condition
from lockflight.api.environment import Environment
from lockflight.policy.model import Namespace
from lockflight.ports import Severity
from lockflight.workflow.deps import Deps


async def reconcile(deps: Deps, name: str) -> datetime | None:
    """Mend the glass of a namespace where its time is over; else when it will be. Raises PortError."""
    namespace = deps.store.namespaces.get(name)
    if namespace is None or namespace.glass is None:
        return None
    environment = _environment(deps, namespace)
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


def _environment(deps: Deps, namespace: Namespace) -> Environment | None:
    labels = namespace.labels
    return deps.store.get(Environment, labels.get(STACK_LABEL, ""), labels.get(ENVIRONMENT_LABEL, ""))
