"""The probe of guarded namespaces: a virtual user tries, as a dry run, what their guard must refuse."""

from collections.abc import Iterator
from typing import Final

from lockflight.api.common import ENVIRONMENT_LABEL, GUARD_LABEL, PROBE, STACK_LABEL, Tier
from lockflight.api.environment import Environment
from lockflight.policy.model import Namespace, Snapshot
from lockflight.ports import Forgery
from lockflight.workflow.deps import Deps

GUARD: Final = "lockflight-guard"


def guard_forgeries(deps: Deps, stack: str) -> tuple[Forgery, ...]:
    """One for each namespace of the stack that its environments say is guarded, whatever its own labels say of a tier.

    A namespace that is not there, or is going, is for gate Binding.
    """
    names = {name for environment in deps.store.of(Environment, stack) for name in _namespaces(deps, environment)}
    return tuple(_forgery(name) for name in sorted(names))


def target_forgeries(deps: Deps, snapshot: Snapshot) -> tuple[Forgery, ...]:
    """The one for the namespace that a promotion goes to."""
    governed, namespace = snapshot.effective, snapshot.namespace
    if governed is None or namespace is None or not _guards(deps, governed.spec.tier) or not _refusing(namespace):
        return ()
    return (_forgery(namespace.name),)


def _namespaces(deps: Deps, environment: Environment) -> Iterator[str]:
    if not _guards(deps, environment.spec.tier):
        return
    stack, name = environment.metadata.namespace, environment.metadata.name
    # Also where somebody took the labels away: the guard would not hold there any more.
    running = {row.namespace for row in environment.status.targets}
    for namespace in deps.store.namespaces.values():
        labels = namespace.labels
        bound = (labels.get(STACK_LABEL), labels.get(ENVIRONMENT_LABEL)) == (stack, name)
        if (bound or namespace.name in running) and _refusing(namespace):
            yield namespace.name


def _guards(deps: Deps, tier: Tier) -> bool:
    return tier.rank >= Tier.UAT.rank and tier in deps.options.guarded


def _refusing(namespace: Namespace) -> bool:
    """Whether its guard is to refuse: the platform team may have it report only, while it is rolled out."""
    return not namespace.terminating and namespace.labels.get(GUARD_LABEL) != "Audit"


def _forgery(namespace: str) -> Forgery:
    body = {"metadata": {"name": "lockflight-probe", "namespace": namespace}}
    return Forgery(policy=GUARD, kind="ConfigMap", namespace=namespace, body=body, user=PROBE)
