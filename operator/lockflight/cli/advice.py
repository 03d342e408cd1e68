"""What a person does next about a closed gate: by its reason, else by its name."""

from lockflight.api import reasons
from lockflight.api.promotion import GateStatus, Promotion

_RAISE = (
    "lockflight -n {stack} change create --release {release} --environment {environment} --title … --reason … "
    "--assessment … --strategy HelmRollback"
)
_ANOTHER_CHANGE = f"this change opens the gate no more; raise another one: {_RAISE}"
_EDIT = "kubectl -n {stack} edit lfchg; then it is approved anew"
_ANOTHER_VERSION = "build and release another version: lockflight -n {stack} release create"

_BY_REASON = {
    reasons.RELEASE_MISSING: "abort this promotion: lockflight -n {stack} abort {name}",
    reasons.ENVIRONMENT_MISSING: "abort this promotion: lockflight -n {stack} abort {name}",
    reasons.RULE_APPROVALS_MISSING: "people of the role named look at the rule and paste the command of the message",
    reasons.RULES_REJECTED: "whoever owns the rule edits it; then it is approved anew: kubectl -n {stack} edit lfenv "
    "{environment}",
    reasons.RELEASE_NOT_READY: "see what keeps its charts: kubectl -n {stack} describe lfrel {release}",
    reasons.PLAN_MISSING: "another gate says what keeps the plan, or: kubectl -n {stack} describe lfrel {release}",
    reasons.REJECTED_UPSTREAM: f"it goes no further; {_ANOTHER_VERSION}",
    reasons.UPSTREAM_MISSING: "the platform team creates it, or takes it out of promotesFrom of {environment}",
    reasons.UPSTREAM_IS_LOCAL: "the platform team names another environment in promotesFrom of {environment}",
    reasons.NOTHING_TO_REMOVE: "nothing: what was to be removed is gone",
    reasons.NOT_WHAT_IS_THERE: "name what is there: lockflight -n {stack} remove APPLICATION --env {environment}",
    reasons.REQUIRED_HERE: "first remove what requires it: lockflight -n {stack} remove APPLICATION --env …",
    reasons.CHANGE_FOR_ANOTHER_ACTION: "raise a change that says what is done: lockflight -n {stack} change create, or "
    "remove APPLICATION --env {environment} --reason … --assessment …",
    reasons.UPSTREAM_RETIRED: "the platform team takes it out of promotesFrom of {environment}",
    reasons.RETIRED: "promote to another environment: lockflight -n {stack} board",
    reasons.ENVIRONMENT_HELD: "ask who held it, then: lockflight -n {stack} unhold --env {environment}",
    reasons.APPLICATION_HELD: "ask who held it, then: lockflight -n {stack} unhold --env {environment} --application …",
    reasons.NEVER_VERIFIED_HERE: "choose a release that ran here: lockflight -n {stack} board",
    reasons.NOT_SOAKING: "promote it upstream again, and let it run there",
    reasons.CHANGE_HELD: "ask who held the change, then take the hold away: kubectl -n {stack} edit lfchg",
    reasons.FREEZE_INVALID: "whoever declared it corrects or lifts it: lockflight freeze lift NAME --reason WHY",
    reasons.NO_CHANGE: _RAISE,
    reasons.BACK_OUT_NOT_COVERED: f"raise a change for the way back: {_RAISE}",
    reasons.CHANGE_MISSING: "create it under that name, or abort this promotion: lockflight -n {stack} abort {name}",
    reasons.AMBIGUOUS_CHANGE: "cancel the changes that are not meant, or: lockflight -n {stack} abort {name}, then "
    "lockflight -n {stack} promote {release} {environment} --change CHANGE",
    reasons.SEVERITY_NOT_ALLOWED: f"raise a normal change: {_RAISE}; or correct spec.incident: {_EDIT}",
    reasons.INCIDENT_IN_FUTURE: f"correct spec.incident.openedAt: {_EDIT}",
    reasons.APPROVALS_MISSING: "approvers look and decide: lockflight -n {stack} approve CHANGE --role ROLE",
    reasons.PLAN_CHANGED: "after the new plan, look again: lockflight -n {stack} approve CHANGE --role ROLE",
    reasons.NOT_SUBMITTED: "a person puts it forward: lockflight -n {stack} change submit CHANGE",
    reasons.CREATOR_UNKNOWN: "the platform team installs the admission policies; then raise the change again",
    reasons.HOTFIX_NOT_INCLUDED: f"merge the hotfix; {_ANOTHER_VERSION} --includes HOTFIX",
    reasons.NOT_WHAT_RUNS: f"base the hotfix on what runs there; {_ANOTHER_VERSION} --hotfix-of RELEASE",
    reasons.NOT_A_HOTFIX: "have it confirmed: lockflight -n {stack} change new --release {release} --environment "
    "production --hotfix DEFECT --assessment …",
    reasons.BASE_MISSING: f"it names no release that there is; {_ANOTHER_VERSION}",
    reasons.CALENDAR_MISSING: "the platform team creates the calendar, or mends calendarRef: kubectl -n {stack} edit "
    "lfenv {environment}",
    reasons.CALENDAR_INVALID: "the platform team mends the calendar: kubectl -n {stack} get lfcal",
    reasons.TRAIN_UNKNOWN: f"it names no train that there is; {_ANOTHER_VERSION} --train NAME",
    reasons.LEAD_TIME: f"wait, or move the schedule: {_EDIT}",
    reasons.SCHEDULE_NOT_BEGUN: f"wait for it, or change the schedule: {_EDIT}",
}

_BY_GATE = {
    reasons.BINDING: "the platform team labels the target namespace and gives the deployer its rights: "
    "the chart lockflight-stack does both",
    reasons.RULES: "the platform team corrects the environment: kubectl -n {stack} describe lfenv {environment}",
    reasons.ORDER: "bring it through the environments upstream first, sign-offs too: lockflight -n {stack} board",
    reasons.SOAK: "wait: it must run upstream long enough without a break",
    reasons.SOURCE: f"merge and tag it, then {_ANOTHER_VERSION} --from-git",
    reasons.ARTIFACTS: f"promote the very images that passed upstream, by digest; else {_ANOTHER_VERSION}",
    reasons.EVIDENCE: "whoever may, attests it: lockflight -n {stack} attest {release} --type TYPE --junit FILE; or "
    f"{_ANOTHER_VERSION} --evidence TYPE=Passed",
    reasons.HOLD: "ask who held it, then: lockflight -n {stack} unhold {release}",
    reasons.VERSION: "to go back: lockflight -n {stack} promote {release} {environment} --rollback",
    reasons.REQUIRES: "bring the other application to a version that goes with it: lockflight -n {stack} board; or "
    f"{_ANOTHER_VERSION} --requires APPLICATION=RANGE",
    reasons.CADENCE: "wait: it goes with its train by itself; see lockflight -n {stack} calendar",
    reasons.FREEZE: "wait until it ends, or have it lifted: lockflight freeze lift NAME --reason WHY",
    reasons.CHANGE_WINDOW: _ANOTHER_CHANGE,
    reasons.CHANGE_CONTROL: _ANOTHER_CHANGE,
    reasons.ROLLBACK_PLAN: f"write into the change how it is taken back: {_EDIT}",
    reasons.STANDARD_PATTERN: f"it is more than the pattern allows; raise a normal change: {_RAISE}",
    reasons.RISK: f"write the assessment into the change: {_EDIT}",
    reasons.ADMISSION: "the platform team installs the policies as they were shipped: helm upgrade of the operator's "
    "chart",
    reasons.DATA_POLICY: "bring masked or synthetic data there, or correct the label that the message names; what a "
    f"component declares is fixed: {_ANOTHER_VERSION}",
    reasons.ACCESS_LADDER: "see who has which access, and by which binding: lockflight -n {stack} env access "
    "{environment}; the platform team takes away what is too much",
    reasons.REVIEW_DEBT: "settle what is owed, which kubectl -n {stack} describe lfchg shows: lockflight -n {stack} "
    "change review CHANGE --role ROLE, or approve CHANGE --role ROLE",
    reasons.DRIFT: "look at it: lockflight -n {stack} drift show {environment}; then undo it, promote once more what "
    "runs there, or: lockflight -n {stack} drift take-over {environment} --change CHANGE",
    reasons.CONCURRENCY: "wait: another promotion is at work there; lockflight -n {stack} board shows which",
}


def next_step(gate: GateStatus, promotion: Promotion) -> str:
    """One line; empty for a gate that this program does not know, whose message then has to do."""
    step = _BY_REASON.get(gate.reason) or _BY_GATE.get(gate.name, "")
    return step.format(
        stack=promotion.metadata.namespace,
        name=promotion.metadata.name,
        release=promotion.spec.release_ref.name,
        environment=promotion.spec.environment_ref.name,
    )
