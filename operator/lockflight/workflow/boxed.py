"""Access for a time: whom approved emergencies let into an environment's targets right now."""

from lockflight.api.environment import Environment
from lockflight.policy.grants import Grant
from lockflight.workflow.deps import Deps


def boxed(deps: Deps, environment: Environment) -> tuple[Grant, ...]:
    """The bindings that changes ask for, of those that are approved and in their time."""
    return ()
