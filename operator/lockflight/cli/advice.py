"""What a person does next about a closed gate."""

from lockflight.api import reasons
from lockflight.api.promotion import GateStatus, Outcome, Promotion

_STEPS = {
    reasons.BINDING: "the platform team labels the target namespace for this stack, environment and tier, and gives "
    "the deployer its rights: lockflight stack init shows both",
    reasons.RULES: "the platform team corrects the environment: kubectl describe lfenv {environment}",
    reasons.ORDER: "bring the release through the environments upstream first: lockflight board",
    reasons.SOAK: "wait: it must run upstream long enough",
    reasons.SOURCE: "release from an allowed branch, tagged with its version: lockflight release create --from-git",
    reasons.ARTIFACTS: "build again, promote the very images that passed upstream, by digest",
    reasons.EVIDENCE: "create the next version with the evidence that is missing: lockflight release create --evidence",
    reasons.HOLD: "ask who held it, then: lockflight unhold {release}",
    reasons.VERSION: "promote a higher version, or go back: lockflight promote {release} {environment} --rollback",
    reasons.FREEZE: "wait until the freeze ends, or have it lifted: lockflight freeze lift NAME --reason WHY",
    reasons.CHANGE_WINDOW: "wait for the schedule of the change, or raise a change with another one",
    reasons.CHANGE_CONTROL: "raise a change if there is none (lockflight change create), else ask its approvers: "
    "lockflight approve CHANGE --role ROLE",
    reasons.ROLLBACK_PLAN: "write into the change how it is taken back: lockflight change create --strategy",
    reasons.CONCURRENCY: "wait: another promotion is at work there; lockflight board shows which",
}


def next_step(gate: GateStatus, promotion: Promotion) -> str:
    """One line; empty for a gate that this program does not know, whose message then has to do."""
    step = _STEPS.get(gate.name, "")
    if gate.name == reasons.CHANGE_CONTROL and gate.outcome is Outcome.DENIED:
        step = "this change does not open the gate any more: raise another one with lockflight change create"
    return step.format(release=promotion.spec.release_ref.name, environment=promotion.spec.environment_ref.name)
