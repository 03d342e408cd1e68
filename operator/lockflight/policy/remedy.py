"""What to do when a component or a verification failed."""

from collections.abc import Sequence
from typing import Literal

from lockflight.api.changerequest import ChangeRequest, Strategy
from lockflight.api.environment import OnFailure
from lockflight.api.promotion import ComponentStatus
from lockflight.policy.model import Effective, Plan


def remediation(
    change: ChangeRequest | None, governed: Effective, plan: Plan, components: Sequence[ComponentStatus]
) -> Literal["Rollback", "Uninstall", "Hold"]:
    """The change's rollback plan, else the environment's ``onFailure``; never back across what is irreversible."""
    if plan.irreversible:
        return "Hold"
    first = not any(row.previous_revision for row in components)
    back: Literal["Rollback", "Uninstall"] = "Uninstall" if first else "Rollback"
    if change is not None and change.spec.rollback_plan is not None:
        match change.spec.rollback_plan.strategy:
            case Strategy.HELM_ROLLBACK:
                return back
            case Strategy.UNINSTALL:
                # Asked for as a first deployment's way back; what ran before is never taken away by it.
                return "Uninstall" if first else "Hold"
            case Strategy.ROLL_FORWARD | Strategy.RESTORE | Strategy.MANUAL:
                return "Hold"
    return "Hold" if governed.spec.on_failure is OnFailure.HOLD else back
