"""What an emergency skips: its gates are shown as bypassed, never silently, and what they said is owed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.changerecords import Bypass
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.environment import Require
from lockflight.api.promotion import Outcome, WaitingFor
from lockflight.policy.emergency import is_emergency
from lockflight.policy.emergencyrules import Terms, terms
from lockflight.policy.model import Effective, Owed, Snapshot, Verdict
from lockflight.policy.upstream import passage, passed_in
from lockflight.policy.verdicts import Subject

SKIPPABLE: Final[Mapping[str, frozenset[str]]] = {
    Bypass.SOAK: frozenset({reasons.SOAKING, reasons.NOT_SOAKING}),
    Bypass.CADENCE: frozenset({reasons.TRAIN_NOT_DUE, reasons.TRAIN_MISSED, reasons.LEAD_TIME}),
    Bypass.CHANGE_WINDOW: frozenset({reasons.WINDOW_CLOSED, reasons.WINDOW_MISSING}),
    Bypass.EVIDENCE: frozenset({reasons.EVIDENCE_MISSING, reasons.EVIDENCE_UNSIGNED}),
    Bypass.REVIEW_DEBT: frozenset({reasons.DEBT_OVERDUE}),
}
"""What a gate may say and be skipped. What failed, was rejected or cannot be judged is no answer that one skips."""

Judge = Callable[[str, Snapshot, datetime], Verdict]


@dataclass(frozen=True, slots=True)
class Skipping:
    """An emergency at work: ``approved`` False means that its gates wait for its approvals."""

    snapshot: Snapshot
    change: ChangeRequest
    terms: Terms
    approved: bool

    def applied(self, verdicts: Mapping[str, Verdict], now: datetime, judge: Judge) -> dict[str, Verdict]:
        """The verdicts with what may be skipped."""
        found, s = dict(verdicts), self.snapshot
        way = _way(s, self.terms) if found[reasons.ORDER].reason == reasons.NOT_PASSED else None
        if way is not None and judge(reasons.ORDER, way[0], now).open:
            s, owes = way
            found[reasons.ORDER] = self._skipped(found[reasons.ORDER], owes)
            # The bytes are those that passed where it did pass; how long they were there is told for that place, too.
            found |= {gate: judge(gate, s, now) for gate in (reasons.ARTIFACTS, reasons.SOAK)}
        for gate, said in SKIPPABLE.items():
            verdict = found[gate]
            if gate in self.terms.bypass and not verdict.open and verdict.reason in said:
                found[gate] = self._skipped(verdict, (Owed(gate, verdict.message),))
        return found

    def _skipped(self, verdict: Verdict, owes: tuple[Owed, ...]) -> Verdict:
        name, incident = self.change.metadata.name, self.change.spec.incident
        if not self.approved:
            message = f"{verdict.message}; skipped once emergency {name} is approved"
            # Not denied yet: what is denied once is denied for good.
            row = WaitingFor(who="emergency approvers", what=f"approval of {name}, which skips this")
            return Verdict(Outcome.WAITING, verdict.reason, message, verdict.retry_at, (row,))
        words = f"bypassed by emergency {name} ({incident.id if incident else ''}), and owed: {verdict.message}"
        return Verdict(Outcome.PASSED, reasons.BYPASSED, words, owes=owes)


def bypass(s: Snapshot, control: Verdict) -> Skipping | None:
    """What the promotion's emergency skips; None: nothing. ``control`` is what gate ChangeControl says."""
    change, effective = s.change, s.effective
    if change is None or effective is None or s.release is None or not is_emergency(change):
        return None
    rule = terms(effective.spec.change_control)
    if rule is None or control.outcome in (Outcome.DENIED, Outcome.NOT_APPLICABLE):
        return None
    if control.reason == reasons.BACK_OUT:
        # The way back of a change is let through by itself.
        return None
    return Skipping(s, change, rule, approved=control.outcome is Outcome.PASSED)


@dataclass(frozen=True, slots=True)
class _Proof:
    """Environments that were passed, and what is owed where they stand in for others."""

    proven: tuple[str, ...]
    owes: tuple[Owed, ...] = ()


def _way(s: Snapshot, rule: Terms) -> tuple[Snapshot, tuple[Owed, ...]] | None:
    """The snapshot that asks for what was passed instead of what was skipped; None where the terms have no such way."""
    release, environment, effective = s.release, s.environment, s.effective
    if release is None or environment is None or effective is None:
        return None
    unsigned = frozenset(s.upstream) if Bypass.SIGN_OFFS in rule.bypass else frozenset()
    on = Subject(replace(s, sign_offs_owed=unsigned), release, environment, effective)
    proof = _before(on, effective, rule, frozenset({effective.name}))
    if proof is None or not proof.owes:
        return None
    governed = replace(
        effective,
        promotes_from=proof.proven,
        spec=effective.spec.model_copy(update={"require": Require.ALL}),
    )
    owed = frozenset(row.upstream for row in proof.owes if row.gate == Bypass.SIGN_OFFS)
    return replace(s, effective=governed, sign_offs_owed=owed), proof.owes


def _before(on: Subject, governed: Effective, rule: Terms, seen: frozenset[str]) -> _Proof | None:
    """What stands for the environments before ``governed``; ``seen`` are those on the way, for a cycle has no end."""
    found = [_through(on, name, rule, seen | {name}) for name in governed.promotes_from if name not in seen]
    proofs = [proof for proof in found if proof is not None]
    if governed.spec.require is Require.ANY:
        return min(proofs, key=lambda proof: len(proof.owes), default=None)
    if not proofs or len(proofs) < len(governed.promotes_from):
        return None
    return _Proof(
        tuple(dict.fromkeys(name for proof in proofs for name in proof.proven)),
        tuple(dict.fromkeys(row for proof in proofs for row in proof.owes)),
    )


def _through(on: Subject, name: str, rule: Terms, seen: frozenset[str]) -> _Proof | None:
    """Passed itself, at most without its sign-offs; else whatever was passed before it, down to the tier named."""
    verdict = passed_in(on, name)
    if verdict.open:
        row = passage(on.snapshot, name)
        signed = row is None or row.signed
        said = f"{on.release.metadata.name} is not signed off in {name} yet"
        return _Proof((name,), () if signed else (Owed(Bypass.SIGN_OFFS, said, name),))
    here = on.snapshot.upstream.get(name)
    if verdict.reason != reasons.NOT_PASSED or here is None or Bypass.ORDER not in rule.bypass:
        return None
    if rule.order_down_to is None or here.spec.tier.rank <= rule.order_down_to.rank:
        return None
    proof = _before(on, here, rule, seen)
    return replace(proof, owes=(Owed(Bypass.ORDER, verdict.message, name), *proof.owes)) if proof else None
