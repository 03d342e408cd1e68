"""What an environment gave and then lost: sign-offs taken back after the end, evidence revoked. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from lockflight.api.common import RoleCount
from lockflight.api.environment import EnvironmentSpec
from lockflight.api.evidence import EvidenceWord
from lockflight.api.promotion import Promotion
from lockflight.api.release import Passage, Release
from lockflight.policy import approvals
from lockflight.policy.evidence import failed_by, wanted
from lockflight.policy.model import Effective
from lockflight.policy.voices import same_person

_LOST: Final = ("Failed", "Withdrawn")


def taken_back(promotion: Promotion, release: Release, needs: Sequence[RoleCount] | None) -> str | None:
    """Who took back the sign-off of a promotion that succeeded, where too few are left; None: it stands.

    ``needs`` is what its environment asks for now; None: not known, so that every one counts. Rights that were lost
    since take nothing back: people do.
    """
    entries = promotion.status.sign_offs
    plan = promotion.status.plan.digest if promotion.status.plan else None
    last = {(same_person(e.by or ""), e.role): e for e in entries}
    gave = {(same_person(e.by or ""), e.role) for e in entries if e.decision == "Approved" and e.plan_digest == plan}
    gone = [last[key].by or "?" for key in sorted(gave) if last[key].decision != "Approved"]
    count = approvals.count(
        # What binds a word now is the plan that was applied: the generation moves with an abort that came too late.
        [entry.model_copy(update={"generation": 0}) for entry in entries],
        needs or (),
        generation=0,
        plan_digest=plan,
        barred=approvals.put_forward(release),
        unentitled={},
    )
    if count.rejected_by:
        return f"{count.rejected_by} said no afterwards"
    if not gone or count.complete or needs == ():
        return None
    names = ", ".join(dict.fromkeys(gone))
    return f"{names} withdrew{f', needs {count.missing}' if needs else ''}"


def revoked(release: Release, spec: EnvironmentSpec) -> str | None:
    """Evidence that an environment asks for, was given, and is no more; None: there is no such.

    Asks for nobody's right: what was never given is the business of gate Evidence.
    """
    for kind in wanted(spec):
        failed = failed_by(release, kind)
        if failed:
            return f"evidence {kind} failed, says {failed}"
        last = {word.by or "": word for word in _words(release, kind)}
        gone = [by for by, word in last.items() if word.result == "Withdrawn"]
        claimed = any(c.type == kind for c in release.spec.evidence) and (release.metadata.creator or "") not in last
        if gone and not claimed and len(gone) == len(last):
            return f"{gone[-1]} withdrew evidence {kind}"
    return None


def may_have_lost(release: Release) -> bool:
    """Whether there is anything to look for at all."""
    return any(row.withdrawn for row in release.status.environments) or any(
        word.result in _LOST for word in release.status.evidence
    )


def lost(
    release: Release,
    start: Collection[str],
    governed: Mapping[str, Effective],
    rows: Mapping[str, Passage],
    spared: Collection[str] = (),
) -> Iterator[tuple[str, str]]:
    """What the environments in ``start``, and all before them, gave to ``release`` and lost: name and words.

    ``rows`` are the proofs that count; an emergency is ``spared`` the sign-offs of some.
    """
    seen: set[str] = set()
    ahead = list(start)
    while ahead:
        name = ahead.pop(0)
        if name in seen:
            continue
        seen.add(name)
        row, known = rows.get(name), governed.get(name)
        if row is not None and row.withdrawn and name not in spared:
            yield name, f"the sign-off of {release.metadata.name} in {name} was taken back: {row.withdrawn}"
        why = revoked(release, known.spec) if row is not None and known is not None else None
        if why is not None:
            yield name, f"what {release.metadata.name} entered {name} by is gone: {why}"
        ahead += known.promotes_from if known is not None else ()


def _words(release: Release, kind: str) -> Sequence[EvidenceWord]:
    digest = release.status.digest
    return [word for word in release.status.evidence if word.type == kind and word.release_digest == digest]
