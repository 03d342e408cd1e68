"""Each job can do its part, and nothing else: everything that can be tried, tried by everybody."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from lockflight.cli.main import cli
from lockflight.devcluster import Person
from lockflight.devcluster.providers import ClusterLike

from .attacks_guard import REASON, UNTIL, instant
from .conftest import apply, await_roles, template
from .world import API, MERGE_PATCH, Caller, RefusedError, Thing, World, append, attempts, digest, entry

STACK = "admission-jobs"
TARGET = f"{STACK}-uat"
PATCH = "application/json-patch+json"
CORE, RBAC = f"/api/v1/namespaces/{STACK}", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{STACK}"
ASK = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

MANAGER, CAB, EMERGENCY, LEAD, SIGNER = "release-manager", "cab-member", "ecab-member", "lead", "signer"
ATTESTER, WAIVER, RELAY = "attester", "waiver", "relay"
GOVERNOR, PLATFORM, AUDITOR, VIEWER = "governor", "platform-admin", "auditor", "viewer"
INCIDENT = "incident-manager"
DECIDERS = {CAB, EMERGENCY, LEAD}
EVERYBODY = DECIDERS | {MANAGER, SIGNER, ATTESTER, WAIVER, RELAY, GOVERNOR, PLATFORM, AUDITOR, VIEWER, INCIDENT}


def them(name: str) -> list[dict[str, str]]:
    return [{"kind": "Group", "name": f"group-{name}"}]


IN_THE_STACK = {
    "stack": STACK,
    "environments": [{"name": "uat", "tier": "UAT"}],
    "people": {
        "releasers": them(MANAGER),
        "approvers": {"lead": them(LEAD)},
        "signers": {"qa": them(SIGNER)},
        "attesters": {"unit-tests": them(ATTESTER)},
        "waivers": {"qa": them(WAIVER)},
        "relays": {"cab": them(RELAY)},
        "governors": them(GOVERNOR),
        "viewers": them(VIEWER),
    },
}
EVERYWHERE = {
    "people": {
        "platformAdmins": them(PLATFORM),
        "incidentManagers": them(INCIDENT),
        "cab": them(CAB),
        "emergencyCab": them(EMERGENCY),
        "auditors": them(AUDITOR),
    }
}


@dataclass
class Stack:
    """The stack, and an object of each kind to try things on."""

    world: World
    things: Mapping[str, Thing]

    def send(self, who: str, method: str, path: str, body: object = None, content: str = "application/json") -> None:
        """Try a request; nothing of it stays."""
        self.world.send(who, method, f"{path}?dryRun=All" if method != "GET" else path, body, content)


Action = Callable[[Stack, str], None]


@pytest.fixture(scope="module")
def stack(cluster: ClusterLike, world: World) -> Iterator[Stack]:
    """A stack in which everybody has a job."""
    callers = dict(world.callers)
    for name in sorted(EVERYBODY):
        callers[name] = Caller(cluster.add_person(Person(name, (f"group-{name}",))))
    installed = template(cluster, "lockflight", "--show-only=templates/roles.yaml", values=EVERYWHERE)
    rendered = template(cluster, "lockflight-stack", values=IN_THE_STACK)
    apply(cluster, installed)
    await_roles(cluster)
    apply(cluster, rendered)
    there = World(callers, STACK, TARGET)
    kinds = ("changerequests", "promotions", "releases", "environments", "freezewindows")
    yield Stack(there, {kind: there.make(kind, who="admin") for kind in kinds})
    for name in EVERYBODY:
        callers[name].close()
    cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=rendered)
    bindings = [
        f"lockflight-{job}" for job in ("platform-admin", "incident-manager", "cab", "emergency-cab", "auditor")
    ]
    cluster.kubectl("delete", "clusterrolebinding", *bindings)


def read(plural: str) -> Action:
    return lambda stack, who: stack.send(who, "GET", stack.things[plural].path)


def create(plural: str) -> Action:
    def act(stack: Stack, who: str) -> None:
        stack.send(who, "POST", f"{API}/namespaces/{STACK}/{plural}", stack.world.manifest(plural))

    return act


def edit(plural: str, **spec: object) -> Action:
    return lambda stack, who: stack.send(who, "PATCH", stack.things[plural].path, {"spec": spec}, MERGE_PATCH)


def delete(plural: str) -> Action:
    return lambda stack, who: stack.send(who, "DELETE", stack.things[plural].path)


def add(plural: str, role: str) -> Action:
    def act(stack: Stack, who: str) -> None:
        thing = stack.things[plural]
        stack.world.plan(thing)
        stack.send(who, "PATCH", thing.status, append(thing.entries, entry(role)), PATCH)

    return act


def forge(plural: str, **status: object) -> Action:
    return lambda stack, who: stack.send(who, "PATCH", stack.things[plural].status, {"status": status}, MERGE_PATCH)


def post(path: str, **body: object) -> Action:
    return lambda stack, who: stack.send(who, "POST", path, {"metadata": {"name": "tried"}, **body})


def label_the_target(stack: Stack, who: str) -> None:
    labels = {"metadata": {"labels": {"lockflight.dev/tier": "Local"}}}
    stack.send(who, "PATCH", f"/api/v1/namespaces/{TARGET}", labels, MERGE_PATCH)


def hold(verb: str, resource: str, name: str = "") -> Action:
    """Hold a right that no request of today asks for."""

    def act(stack: Stack, who: str) -> None:
        asked = {"group": "lockflight.dev", "resource": resource, "verb": verb, "name": name, "namespace": STACK}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        answer = stack.world.send(who, "POST", ASK, body | {"spec": {"resourceAttributes": asked}})
        if not answer["status"]["allowed"]:
            raise RefusedError(403, "not held")

    return act


def break_the_glass(stack: Stack, who: str) -> None:
    annotations = {UNTIL: instant(minutes=10), REASON: "INC-1"}
    stack.send(who, "PATCH", f"/api/v1/namespaces/{TARGET}", {"metadata": {"annotations": annotations}}, MERGE_PATCH)


ROLE = {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
POD = {"spec": {"containers": [{"name": "c", "image": "i"}]}}
TABLE: dict[str, tuple[Action, set[str]]] = {
    "read a change": (read("changerequests"), EVERYBODY),
    "read an environment": (read("environments"), EVERYBODY),
    "create a release": (create("releases"), {MANAGER}),
    "create a promotion": (create("promotions"), {MANAGER}),
    "raise a change": (create("changerequests"), {MANAGER}),
    "edit a change": (edit("changerequests", title="Another title"), {MANAGER}),
    "delete a change": (delete("changerequests"), set()),
    "delete a release": (delete("releases"), set()),
    "approve as cab": (add("changerequests", "cab"), {CAB}),
    "approve as ecab": (add("changerequests", "ecab"), {EMERGENCY}),
    "approve as lead": (add("changerequests", "lead"), {LEAD}),
    "approve as somebody nobody is": (add("changerequests", "nobody"), set()),
    "approve a rule as cab": (add("environments", "cab"), {CAB}),
    "approve an edited freeze as lead": (add("freezewindows", "lead"), {LEAD}),
    "sign off as qa": (add("promotions", "qa"), {SIGNER}),
    "sign off as business": (add("promotions", "business"), set()),
    "attest unit tests": (hold("attest", "evidencetypes", "unit-tests"), {ATTESTER}),
    "attest a security scan": (hold("attest", "evidencetypes", "security-scan"), set()),
    "waive as qa": (hold("waive", "approvalroles", "qa"), {WAIVER}),
    "relay the cab": (hold("relay", "approvalroles", "cab"), {RELAY}),
    "relay the emergency cab": (hold("relay", "approvalroles", "ecab"), set()),
    "declare a freeze": (create("freezewindows"), DECIDERS | {GOVERNOR, PLATFORM}),
    "lift a freeze": (edit("freezewindows", lift={"reason": "over"}), DECIDERS | {GOVERNOR, PLATFORM}),
    "shorten a freeze": (edit("freezewindows", end="2030-12-19T00:00:00"), {GOVERNOR, PLATFORM}),
    "delete a freeze": (delete("freezewindows"), {GOVERNOR, PLATFORM}),
    "create an environment": (create("environments"), {GOVERNOR, PLATFORM}),
    "edit an environment": (edit("environments", soak="1m"), {GOVERNOR, PLATFORM}),
    "delete an environment": (delete("environments"), {GOVERNOR, PLATFORM}),
    "bind a namespace": (label_the_target, {PLATFORM}),
    "break the glass": (break_the_glass, {INCIDENT}),
    "read the audit trail": (hold("list", "auditrecords"), {AUDITOR}),
    "write the audit trail": (hold("create", "auditrecords"), set()),
    "set a change to Closed": (forge("changerequests", phase="Closed"), set()),
    "set a promotion to Succeeded": (forge("promotions", phase="Succeeded"), set()),
    "forge a proof of passing": (forge("releases", digest=digest("x")), set()),
    "forge an environment's state": (forge("environments", observedGeneration=9), set()),
    "see who holds which right": (lambda s, who: s.send(who, "GET", f"{RBAC}/rolebindings"), {AUDITOR}),
    "give oneself a right": (post(f"{RBAC}/roles", **ROLE), set()),
    "read a Secret of the stack": (lambda s, who: s.send(who, "GET", f"{CORE}/secrets"), set()),
    "run a pod in the target": (post(f"/api/v1/namespaces/{TARGET}/pods", **POD), set()),
    "run a pod in the stack": (post(f"{CORE}/pods", **POD), set()),
}


@pytest.mark.parametrize("action", TABLE)
def test_this_is_done_by_those_whose_job_it_is(stack: Stack, action: str) -> None:
    act, theirs = TABLE[action]
    # Rights come into force a moment after they were given.
    for _ in attempts(f"{action}: {theirs} may"):
        if all(_may(stack, act, who) for who in theirs):
            break
    assert {who for who in EVERYBODY if _may(stack, act, who)} == theirs


def _may(stack: Stack, act: Action, who: str) -> bool:
    try:
        act(stack, who)
    except RefusedError as error:
        if error.status != 403 and "ValidatingAdmissionPolicy" not in error.message:
            # A request that nobody could make shows nothing.
            raise
        return False
    return True


def test_the_auditor_is_told_who_may_do_what(cluster: ClusterLike, stack: Stack) -> None:
    told = CliRunner().invoke(
        cli, ["--kubeconfig", str(cluster.kubeconfig(AUDITOR)), "rights", "-n", STACK, "-o", "json"]
    )
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    held = {
        found["name"]: {f"{right['verb']} {right['name'] or right['resource']}" for right in found["rights"]}
        for found in answer["subjects"]
    }
    assert held[f"group-{LEAD}"] == {"approve lead", "review lead", "lift freezewindows"}
    assert held[f"group-{MANAGER}"] == {
        "create releases",
        "create promotions",
        "create changerequests",
        "submit requester",
    }
    assert held[f"group-{ATTESTER}"] == {"attest unit-tests"}
    assert any(text.startswith("User super holds rights by a wildcard") for text in answer["findings"])


def test_whoever_is_no_auditor_is_told_what_to_ask_for(cluster: ClusterLike, stack: Stack) -> None:
    told = CliRunner().invoke(cli, ["--kubeconfig", str(cluster.kubeconfig(VIEWER)), "rights", "-n", STACK])
    assert told.exit_code == 1
    assert "cannot list resource" in told.output


def test_everybody_has_something_to_do() -> None:
    assert {who for _, theirs in TABLE.values() for who in theirs} == EVERYBODY
