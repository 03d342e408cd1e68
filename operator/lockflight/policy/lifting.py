"""Lifting a freeze: by its override's approvals, where it has one. Pure."""

from lockflight.api.common import RoleCount
from lockflight.api.freezewindow import FreezeWindow


def lifted(freeze: FreezeWindow) -> bool:
    """Whether it holds nothing any more. What people approved once stays so: who leaves later brings no freeze back."""
    return freeze.spec.lift is not None and (freeze.spec.override is None or freeze.status.lifted_at is not None)


def asked_to_lift(freeze: FreezeWindow) -> tuple[RoleCount, ...]:
    """Whose approvals its lifting waits for; empty: nobody's."""
    override, pending = freeze.spec.override, freeze.spec.lift is not None and freeze.status.lifted_at is None
    return override.approvals if pending and override is not None else ()
