"""Whether an environment is signed off for a promotion."""

from dataclasses import dataclass

from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy import approvals
from lockflight.policy.model import Effective


@dataclass(frozen=True, slots=True)
class SignOffs:
    """Where the sign-offs stand, in words for people."""

    complete: bool
    rejected: bool
    message: str


def sign_offs(promotion: Promotion, governed: Effective, release: Release) -> SignOffs:
    """Distinct people for every role, bound to what was deployed; one rejection decides."""
    needs = governed.spec.exit.sign_offs if governed.spec.exit else ()
    plan = promotion.status.plan.digest if promotion.status.plan else None
    authors = release.spec.source.authors if release.spec.source else ()
    count = approvals.count(
        promotion.status.sign_offs,
        needs,
        generation=promotion.metadata.generation,
        plan_digest=plan,
        barred=dict.fromkeys(authors, "an author of the release"),
    )
    ignored = f"; not counted: {', '.join(count.ignored)}" if count.ignored else ""
    if count.rejected_by:
        return SignOffs(
            complete=False, rejected=True, message=f"sign-off rejected by {count.rejected_by}; it stays where it is"
        )
    if not needs or count.complete:
        people = sorted({person for names in count.by_role.values() for person in names})
        return SignOffs(
            complete=True, rejected=False, message=f"signed off by {', '.join(people) or 'nobody: none is asked for'}"
        )
    return SignOffs(
        complete=False, rejected=False, message=f"sign-offs {count.summary}: needs {count.missing}{ignored}"
    )
