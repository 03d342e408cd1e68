"""Whether an environment is signed off for a promotion."""

from dataclasses import dataclass

from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy import approvals
from lockflight.policy.entitlement import SIGN_OFF, unentitled
from lockflight.policy.model import Effective
from lockflight.policy.rights import Rights


@dataclass(frozen=True, slots=True)
class SignOffs:
    """Where the sign-offs stand, in words for people."""

    complete: bool
    rejected: bool
    message: str


def sign_offs(promotion: Promotion, governed: Effective, release: Release, rights: Rights) -> SignOffs:
    """Distinct people for every role, bound to what was deployed; one rejection decides."""
    needs = governed.spec.exit.sign_offs if governed.spec.exit else ()
    count = approvals.count(
        promotion.status.sign_offs,
        needs,
        generation=promotion.metadata.generation,
        plan_digest=promotion.status.plan.digest if promotion.status.plan else None,
        barred=approvals.put_forward(release),
        unentitled=unentitled(promotion.status.sign_offs, SIGN_OFF, rights),
    )
    if count.rejected_by:
        message = f"sign-off rejected by {count.rejected_by}: the release stays where it is, and goes no further"
        return SignOffs(complete=False, rejected=True, message=message)
    if not needs:
        return SignOffs(complete=True, rejected=False, message="no sign-off is asked for")
    if count.complete:
        return SignOffs(complete=True, rejected=False, message=f"signed off by {', '.join(count.people)}")
    ignored = f"; not counted: {', '.join(count.ignored)}" if count.ignored else ""
    message = f"sign-offs {count.summary}: needs {count.missing}{ignored}"
    return SignOffs(complete=False, rejected=False, message=message)
