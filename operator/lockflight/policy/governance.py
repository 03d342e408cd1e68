"""Approvals of rule objects: which of those that bind a promotion nobody approved as they are now. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lockflight.api import reasons
from lockflight.api.common import CREATOR_ANNOTATION, RoleCount
from lockflight.api.environment import Environment
from lockflight.api.kinds import BY_NAME
from lockflight.api.promotion import WaitingFor
from lockflight.policy import approvals
from lockflight.policy.approvals import Count
from lockflight.policy.digest import canonical_digest
from lockflight.policy.model import Snapshot, Verdict
from lockflight.policy.ruleasked import RuleObject, bound_by, needs_of
from lockflight.policy.rulebook import rule_written
from lockflight.policy.ruleentitled import unentitled_rule
from lockflight.policy.verdicts import Subject, waiting

_COMMANDS: Final = 3
"""Commands that a message spells out; the others stand on the objects."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """Where the approvals of a rule object stand."""

    rule: RuleObject
    digest: str
    count: Count

    @property
    def name(self) -> str:
        """In a sentence, such as ``Environment payments/production``."""
        meta = self.rule.metadata
        return f"{self.rule.kind} {meta.namespace}/{meta.name}"

    @property
    def approved(self) -> bool:
        """Whether it counts as it is now."""
        return self.count.complete and self.rule.metadata.creator is not None

    @property
    def words(self) -> str:
        """What is missing, in a sentence."""
        meta, count = self.rule.metadata, self.count
        if meta.creator is None:
            return (
                f"{self.name}: nobody knows who created it: create it again, with annotation {CREATOR_ANNOTATION} "
                "where the server does not stamp it"
            )
        if count.rejected_by:
            return f"{self.name} was rejected by {count.rejected_by}: edit it, and have that approved"
        ignored = f"; not counted: {', '.join(count.ignored)}" if count.ignored else ""
        wrote = f", edited by {', '.join(sorted(meta.editors))}," if meta.editors else ""
        return f"{self.name}{wrote} has {count.summary}, needs {count.missing}{ignored}"

    @property
    def how(self) -> str:
        """The command that approves it as it is now, ready to paste."""
        return how_to_approve(self.rule, [role for role, _ in self.count.missing_roles()], self.digest)


def bound_digest(rule: RuleObject, promotes_from: Sequence[str] | None = None) -> str:
    """What approvals of a rule object bind to.

    Of an environment of a stack that is the way upstream as well, which changes when another environment comes or goes.
    """
    written = rule_written(rule)
    if promotes_from is None:
        return canonical_digest(written)
    return canonical_digest({"spec": written, "promotesFrom": list(promotes_from)})


def ruled(rule: RuleObject, needs: Sequence[RoleCount], digest: str, unentitled: Mapping[int, str]) -> Ruled:
    """Count the approvals of ``rule`` as it is now: its ``digest``; ``unentitled`` are entries that do not count."""
    count = approvals.count(
        rule.status.approvals,
        needs,
        generation=rule.metadata.generation,
        plan_digest=digest,
        barred=approvals.wrote(rule.metadata, "the rule"),
        unentitled=unentitled,
    )
    return Ruled(rule, digest, count)


def standing_rules(snapshot: Snapshot) -> tuple[Ruled, ...]:
    """The rule objects that bind a promotion, and where their approvals stand; empty where none need any."""
    governed = snapshot.effective
    if governed is None:
        return ()
    needs, found = needs_of(governed), []
    for rule in bound_by(snapshot):
        own = isinstance(rule, Environment) and rule is snapshot.environment
        digest = bound_digest(rule, governed.promotes_from if own else None)
        home = rule.metadata.namespace
        lacking = unentitled_rule(rule.status.approvals, home, (snapshot.stack,), snapshot.rule_rights)
        found.append(ruled(rule, needs, digest, lacking))
    return tuple(found)


def judge(on: Subject) -> Verdict | None:
    """Closed while a rule object is not approved as it is now; None: all are, or none need be."""
    lacking = [row for row in standing_rules(on.snapshot) if not row.approved]
    if not lacking:
        return None
    rejected = any(row.count.rejected_by for row in lacking)
    commands = [f"{row.how}" for row in lacking if not row.count.rejected_by and row.rule.metadata.creator]
    words = "; ".join(row.words for row in lacking)
    message = f"environment {on.effective.name} is closed until its rules are approved as they are now: {words}"
    if commands:
        message += ": " + " ; ".join(commands[:_COMMANDS])
    return waiting(
        reasons.RULES_REJECTED if rejected else reasons.RULE_APPROVALS_MISSING,
        message,
        waiting_for=[
            WaitingFor(who=role, what=f"{have} approvals of {row.name}")
            for row in lacking
            if not row.count.rejected_by
            for role, have in row.count.missing_roles()
        ],
    )


def how_to_approve(rule: RuleObject, roles: Sequence[str], digest: str) -> str:
    """A command ready to paste, bound to the rule as it was shown."""
    value = {"role": roles[0] if roles else "cab", "decision": "Approved", "planDigest": digest}
    patch = json.dumps([{"op": "add", "path": "/status/approvals/-", "value": value}], separators=(",", ":"))
    meta, short = rule.metadata, BY_NAME[rule.kind].short
    return f"kubectl patch {short} {meta.name} -n {meta.namespace} --subresource=status --type=json -p '{patch}'"
