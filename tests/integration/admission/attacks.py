"""The attempts: who tries what, and which rule must stop it. Each makes its own objects; none leaves harm behind."""

from collections.abc import Callable
from dataclasses import dataclass
from time import sleep

from .attacks_archive import ON_HOLD, ORDERS
from .attacks_governance import POLICIES as GOVERNANCE_POLICIES
from .attacks_guard import NAMESPACES as GUARDED_NAMESPACES
from .attacks_guard import POLICIES as GUARD_POLICIES
from .world import API, JSON_PATCH, MERGE_PATCH, OWNER, Thing, World, append, digest, entry

Act = Callable[[World, str], object]


@dataclass(frozen=True)
class Attack:
    """An attempt by ``who``, which one rule of ``policy`` stops.

    ``says`` is a literal part of that rule's message expression; what a person reads may be another branch of it.
    """

    name: str
    who: str
    act: Act
    policy: str
    says: str


def _approve(**more: object) -> Act:
    return lambda world, who: world.add(who, world.planned(), entry(**more))


def _before_the_plan(world: World, who: str) -> None:
    world.add(who, world.make("changerequests"), entry())


def _while_the_plan_lags(world: World, who: str) -> None:
    change = world.planned()
    world.send("jo", "PATCH", change.path, {"spec": {"title": "Something else"}}, MERGE_PATCH)
    world.add(who, change, entry())


def _an_older_generation(world: World, who: str) -> None:
    change = world.planned()
    world.send("jo", "PATCH", change.path, {"spec": {"title": "Something else"}}, MERGE_PATCH)
    world.plan(change, "another plan", generation=2)
    world.add(who, change, entry(generation=1))


def _an_older_plan(world: World, who: str) -> None:
    change = world.planned()
    world.plan(change, "another plan")
    world.add(who, change, entry(planDigest=digest("the plan")))


def _a_fifth_entry(world: World, who: str) -> None:
    change = world.planned()
    for decision in ("Approved", "Withdrawn", "Approved", "Withdrawn", "Approved"):
        world.add(who, change, entry(decision=decision))


def _patch_list(*operations: dict[str, object]) -> Act:
    def act(world: World, who: str) -> None:
        change = world.planned()
        world.add("alice", change, entry(decision="Rejected"))
        world.send(who, "PATCH", change.status, list(operations), JSON_PATCH)

    return act


def _swap(world: World, who: str) -> None:
    change = world.planned()
    world.add("alice", change, entry())
    world.add("bob", change, entry(decision="Rejected"))
    turned = world.entries(change)[::-1]
    world.send(who, "PATCH", change.status, {"status": {"approvals": turned}}, MERGE_PATCH)


def _drop_a_rejection(world: World, who: str) -> None:
    change = world.planned()
    world.add("alice", change, entry(decision="Rejected"))
    world.send(who, "PATCH", change.status, {"status": {"approvals": [entry()]}}, MERGE_PATCH)


def _own(world: World, who: str) -> None:
    world.add(who, world.planned(who=who), entry())


_EMERGENCY: dict[str, object] = {
    "type": "Emergency",
    "incident": {"id": "INC-77", "severity": "Sev1", "openedAt": "2026-11-24T12:00:00Z"},
}


def _own_emergency(world: World, who: str) -> None:
    world.add(who, world.planned(who=who, **_EMERGENCY), entry("ecab"))  # type: ignore[arg-type]


def _by_function(world: World, who: str) -> None:
    path = f"/api/v1/namespaces/{world.namespace}"

    def label(value: str | None) -> None:
        labels = {"lockflight.dev/independence": value}
        world.send("admin", "PATCH", path, {"metadata": {"labels": labels}}, MERGE_PATCH)

    label("Function")
    try:
        # The API server knows a namespace's labels from a watch: a moment later.
        for _ in range(10):
            world.add(who, world.planned(), entry())
            sleep(0.2)
    finally:
        label(None)


def _edited(world: World, who: str) -> None:
    change = world.planned()
    world.send(who, "PATCH", change.path, {"spec": {"title": "A better title"}}, MERGE_PATCH)
    world.plan(change, generation=2)
    world.add(who, change, entry())


def _status(plural: str, **status: object) -> Act:
    return lambda world, who: world.send(who, "PATCH", world.planned(plural).status, {"status": status}, MERGE_PATCH)


def _high_risk(world: World, who: str) -> None:
    change = world.planned()
    world.observe(change, planDigestDemanded=True)
    world.add(who, change, entry())


def _pattern(world: World) -> Thing:
    return world.planned("standardchanges", who="admin")


def _approve_and_more(world: World, who: str) -> None:
    operations = [*append("approvals", entry()), {"op": "add", "path": "/status/phase", "value": "Scheduled"}]
    world.send(who, "PATCH", world.planned().status, operations, JSON_PATCH)


def _erase(world: World, who: str) -> None:
    change = world.planned()
    world.add("alice", change, entry())
    world.send(who, "PATCH", change.status, {"status": {"approvals": []}}, MERGE_PATCH)


def _sign_off(role: str = "qa") -> Act:
    return lambda world, who: world.add(who, world.planned("promotions"), entry(role))


def _sign_off_own(world: World, who: str) -> None:
    world.add(who, world.planned("promotions", who=who), entry("qa"))


def _sign_off_without_a_plan(world: World, who: str) -> None:
    promotion = world.make("promotions")
    world.observe(promotion, phase="AwaitingSignOff")
    world.add(who, promotion, entry("qa"))


def _sign_off_early(phase: str) -> Act:
    def act(world: World, who: str) -> None:
        promotion = world.planned("promotions")
        world.observe(promotion, phase=phase)
        world.add(who, promotion, entry("qa"))

    return act


def _submit(role: str = "requester") -> Act:
    return lambda world, who: world.append(who, world.planned(), "submissions", {"role": role})


def _review(phase: str = "Review", **spec: object) -> Act:
    def act(world: World, who: str) -> None:
        change = world.planned(**spec)  # type: ignore[arg-type]
        world.observe(change, phase=phase)
        world.append(who, change, "review", _REVIEW)

    return act


def _attest(state: str = "Authorized", **more: object) -> Act:
    """A word on a step that is in ``state``."""

    def act(world: World, who: str) -> None:
        promotion = world.planned("promotions")
        world.observe(promotion, phase="Deploying", steps=[{"name": "load", "state": state, "role": "ops"}])
        world.append(who, promotion, "attestations", {"role": "ops", "step": "load", "result": "Passed", **more})

    return act


def _verify(state: str = "Running", phase: str = "AwaitingVerification", **more: object) -> Act:
    """A word on a verification of others that is in ``state``."""

    def act(world: World, who: str) -> None:
        promotion = world.planned("promotions")
        rows = [{"name": "smoke", "state": "Running"}, {"name": "pen-test", "state": state, "role": "ops"}]
        world.observe(promotion, phase=phase, verification=rows)
        entry = {"role": "ops", "verification": "pen-test", "result": "Passed"}
        world.append(who, promotion, "attestations", {**entry, **more})

    return act


def _word(**more: object) -> dict[str, object]:
    return {"type": "unit-tests", "result": "Passed", **more}


def _evidence(**more: object) -> Act:
    return lambda world, who: world.add(who, world.planned("releases"), _word(**more))


_WAIVER = _word(result="NotApplicable", role="test-lead", reason="nothing to integrate with")


def _waive() -> Act:
    return lambda world, who: world.add(who, world.planned("releases"), _WAIVER)


def _waive_own(world: World, who: str) -> None:
    world.add(who, world.planned("releases", who=who), _WAIVER)


def _waive_held(world: World, who: str) -> None:
    release = world.planned("releases")
    world.send(who, "PATCH", release.path, {"spec": {"hold": {"reason": "x"}}}, MERGE_PATCH)
    world.add(who, release, _WAIVER)


def _evidence_too_early(world: World, who: str) -> None:
    world.add(who, world.make("releases"), _word())


def _turn_evidence(world: World, who: str) -> None:
    release = world.planned("releases")
    world.add(who, release, _word(result="Failed"))
    turned = [{"op": "replace", "path": "/status/evidence/0/result", "value": "Passed"}]
    world.send(who, "PATCH", release.status, turned, JSON_PATCH)


_REVIEW = {"role": "cab", "outcome": "Successful", "summary": "fine"}


def _accept(by_role: str = "cab", **spec: object) -> Act:
    """What an emergency owes is accepted for good."""

    def act(world: World, who: str) -> None:
        change = world.planned(**{**_EMERGENCY, **spec})  # type: ignore[arg-type]
        owed = {"gate": "Soak", "environment": "production", "since": "2026-11-24T12:00:00Z"}
        world.observe(change, phase="Review", debts=[{**owed, "dueBy": "2026-11-29T12:00:00Z"}])
        world.append(who, change, "review", {**_REVIEW, "role": by_role, "accepts": ["Soak"]})

    return act


def _review_own_submission(world: World, who: str) -> None:
    change = world.planned(who="operator")
    world.append(who, change, "submissions", {"role": "requester"})
    world.observe(change, phase="Review")
    world.append(who, change, "review", _REVIEW)


def _approve_own_submission(world: World, who: str) -> None:
    change = world.planned()
    world.append(who, change, "submissions", {"role": "requester"})
    world.add(who, change, entry())


def _not_put_forward(world: World, who: str) -> None:
    world.add(who, world.planned(who="operator"), entry())


def _invent_a_finding(world: World, who: str) -> None:
    incident = {"id": "INC-1", "severity": "Sev1", "openedAt": "2026-11-24T12:00:00Z"}
    mark = {"application": "payments"}
    world.make("changerequests", who, type="Emergency", incident=incident, unauthorised=mark, releaseRef=None)


def _observed(plural: str, **status: object) -> Act:
    return lambda world, who: world.send(
        who, "PATCH", world.make(plural, who="admin").status, {"status": status}, MERGE_PATCH
    )  # fmt: skip


def _delegate(**spec: object) -> Act:
    return lambda world, who: world.make("delegations", who, **spec)


def _end_delegation(world: World, who: str) -> None:
    delegation = world.make("delegations", "alice")
    world.send(who, "PATCH", delegation.path, {"spec": {"revoke": {"reason": "x"}}}, MERGE_PATCH)


def _delete_delegation(world: World, who: str) -> None:
    world.send(who, "DELETE", world.make("delegations", "alice").path)


def _declared_active(world: World, who: str) -> None:
    world.send(who, "PATCH", world.make("delegations", "alice").status, {"status": {"phase": "Active"}}, MERGE_PATCH)


def _delete_in_use(plural: str) -> Act:
    def act(world: World, who: str) -> None:
        thing = world.make(plural)
        world.observe(thing, inUse=True)
        world.send(who, "DELETE", thing.path)

    return act


def _delete_all(world: World, who: str) -> None:
    world.observe(world.make("releases"), inUse=True)
    world.send(who, "DELETE", f"{API}/namespaces/{world.namespace}/releases?dryRun=All")


def _give_owner(plural: str) -> Act:
    def act(world: World, who: str) -> None:
        thing = world.make(plural, who="admin")
        world.send(who, "PATCH", thing.path + "?dryRun=All", {"metadata": {"ownerReferences": [OWNER]}}, MERGE_PATCH)

    return act


def _born_with_owner(world: World, who: str) -> None:
    obj = world.manifest("promotions")
    obj["metadata"]["ownerReferences"] = [OWNER]
    world.send(who, "POST", f"{API}/namespaces/{world.namespace}/promotions?dryRun=All", obj)


def _forge_record(world: World, who: str) -> None:
    world.send(who, "POST", f"{API}/namespaces/{world.namespace}/auditrecords?dryRun=All", world.record())


def _relabel_record(world: World, who: str) -> None:
    labels = {"metadata": {"labels": {"lockflight.dev/stack": "another"}}}
    world.send(who, "PATCH", world.sealed().path + "?dryRun=All", labels, MERGE_PATCH)


def _delete_record(world: World, who: str) -> None:
    world.send(who, "DELETE", world.sealed().path + "?dryRun=All")


def _delete_records(world: World, who: str) -> None:
    world.sealed()
    world.send(who, "DELETE", f"{API}/namespaces/{world.namespace}/auditrecords?dryRun=All")


def _another_requester(world: World, who: str) -> None:
    world.send(who, "PATCH", world.planned().path, {"spec": {"requestedBy": "somebody"}}, MERGE_PATCH)


def _edit(plural: str, **spec: object) -> Act:
    return lambda world, who: world.send(
        who, "PATCH", world.make(plural, who="admin").path, {"spec": spec}, MERGE_PATCH
    )


def _delete(plural: str) -> Act:
    return lambda world, who: world.send(who, "DELETE", world.make(plural, who="admin").path)


def _label(path: str = "", **labels: str | None) -> Act:
    named = {f"lockflight.dev/{key}": value for key, value in labels.items()}
    return lambda world, who: world.send(
        who,
        "PATCH",
        f"/api/v1/namespaces/{world.target}{path}?dryRun=All",
        {"metadata": {"labels": named}},
        MERGE_PATCH,
    )


def _put(path: str = "") -> Act:
    def act(world: World, who: str) -> None:
        found = world.send("admin", "GET", f"/api/v1/namespaces/{world.target}")
        found["metadata"]["labels"]["lockflight.dev/tier"] = "Local"
        world.send(who, "PUT", f"/api/v1/namespaces/{world.target}{path}?dryRun=All", found)

    return act


def _bound_from_birth(world: World, who: str) -> None:
    labels = {"lockflight.dev/stack": "admission", **world.labels}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "admission-new", "labels": labels}}
    world.send(who, "POST", "/api/v1/namespaces?dryRun=All", body)


_Tries = tuple[tuple[str, str, Act], ...]


def _flip(field: str, value: str) -> Act:
    return _patch_list({"op": "replace", "path": f"/status/approvals/0/{field}", "value": value})


_CHANGES: dict[str, _Tries] = {
    "there is no plan yet": (
        ("approving before there is a plan", "alice", _before_the_plan),
        ("approving while the plan lags behind the spec", "alice", _while_the_plan_lags),
    ),
    "you looked at generation": (("approving an older generation", "alice", _an_older_generation),),
    "you looked at the plan": (("approving an older plan", "alice", _an_older_plan),),
    "one entry a request": (
        ("two entries in one request", "alice", lambda w, who: w.add(who, w.planned(), entry(), entry())),
    ),
    "entries for this generation already": (("a fifth entry", "alice", _a_fifth_entry),),
    "entries are never changed, moved or removed": (
        ("turning somebody's rejection", "bob", _flip("decision", "Approved")),
        ("turning one's own rejection", "alice", _flip("decision", "Approved")),
        ("putting another name on an entry", "bob", _flip("by", "carol")),
        ("removing an entry", "bob", _patch_list({"op": "remove", "path": "/status/approvals/0"})),
        (
            "an entry in front of the others",
            "bob",
            _patch_list({"op": "add", "path": "/status/approvals/0", "value": entry()}),
        ),
        ("changing the order", "alice", _swap),
        ("a merge patch that drops a rejection", "bob", _drop_a_rejection),
        ("a merge patch that empties the list", "bob", _erase),
    ),
    "the risk is high, so an approval names the plan that was seen": (
        ("approving high risk without saying which plan", "alice", _high_risk),
    ),
    "four eyes": (
        ("the creator approves", "joan", _own),
        ("an editor approves", "joan", _edited),
        ("whoever raised an emergency lets it through", "eve", _own_emergency),
        ("the requester approves", "requester", _approve()),
        ("the submitter approves", "joan", _approve_own_submission),
    ),
    "so a person puts it forward first": (
        ("approving what a robot wrote and nobody put forward", "alice", _not_put_forward),
    ),
    "so somebody else approves there": (
        ("approving where one may create releases, and functions are kept apart", "joan", _by_function),
    ),
    "you may not approve as": (
        ("another role", "alice", _approve(role="ecab")),
        ("the right to write status and no more", "nosy", _approve()),
        ("a board member decides for another without being a deputy", "alice", _approve(onBehalfOf="bob")),
        ("a deputy decides in the deputy's own name", "dan", _approve()),
        ("a robot of the board's role relays", "robot", _approve(onBehalfOf="bob")),
    ),
    "onBehalfOf names another person": (
        ("a deputy of oneself", "dan", _approve(onBehalfOf="dan")),
        ("a relay for a robot", "relay", _approve(onBehalfOf="system:serviceaccount:admission:robot")),
    ),
    "so nobody can approve for them": (
        ("a deputy approves for the requester", "dan", _approve(onBehalfOf="requester")),
        ("a relay approves for the creator", "relay", _approve(onBehalfOf="jo")),
    ),
    "by a wildcard, as cluster administrators do": (
        ("cluster-admin by binding approves", "super", _approve()),
        ("system:masters approves", "admin", _approve()),
        ("a wildcard verb on the role", "verbs", _approve()),
        ("the verb on wildcard resources", "resources", _approve()),
    ),
    "a service account does not approve": (("a service account with the right approves", "robot", _approve()),),
    "status.approvals belongs to people": (
        ("the operator approves", "operator", _approve()),
        ("the operator drops an approval", "operator", _erase),
    ),
    "in status people write only": (
        ("closing a change by hand", "alice", _status("changerequests", phase="Closed")),
        ("approving and another field in one patch", "alice", _approve_and_more),
        ("settling what an emergency owes by hand", "alice", _status("changerequests", debts=[])),
        ("another plan digest", "alice", _status("changerequests", planDigest=digest("mine"))),
        ("removing the plan digest", "alice", _status("changerequests", planDigest=None)),
        ("system:masters closes a change", "admin", _status("changerequests", phase="Closed")),
    ),
}
_SUBMISSIONS: dict[str, _Tries] = {
    "you may not submit as": (
        ("submitting without the right", "alice", _submit()),
        ("submitting as another role", "jo", _submit("cab")),
    ),
    "a service account does not submit": (("a service account submits", "robot", _submit()),),
    "status.submissions belongs to people": (("the operator submits", "operator", _submit()),),
}
_REVIEWS: dict[str, _Tries] = {
    "it is ": (
        ("reviewing what is not done", "alice", _review("Implement")),
        ("reviewing what is closed", "alice", _review("Closed")),
    ),
    "four eyes": (
        ("the requester reviews", "requester", _review()),
        ("the implementer reviews", "alice", _review(implementer="alice")),
        ("the requester of an emergency accepts what it owes", "requester", _accept()),
        ("whoever carried an emergency out accepts what it owes", "alice", _accept(implementer="alice")),
        ("the submitter reviews", "joan", _review_own_submission),
    ),
    "you may not review as": (
        ("reviewing without the right", "nosy", _review()),
        ("the emergency board accepts what is owed as the board that ratifies", "erin", _accept()),
    ),
    "by a wildcard, as cluster administrators do": (("system:masters reviews", "admin", _review()),),
    "status.review belongs to people": (("the operator reviews", "operator", _review()),),
}
_ATTESTATIONS: dict[str, _Tries] = {
    "is not open: say how it went when": (
        ("attesting a step whose turn has not come", "quinn", _attest("Pending")),
        ("attesting a step twice", "quinn", _attest("Done")),
        ("attesting a step that there is not", "quinn", _attest("Authorized", step="another")),
    ),
    "is not open: say how it went while": (
        ("attesting a verification that is still to come", "quinn", _verify("Pending")),
        ("attesting a verification twice", "quinn", _verify("Passed")),
        ("attesting a verification that Lockflight runs itself", "quinn", _verify(verification="smoke")),
        ("attesting a verification of what was superseded", "quinn", _verify(phase="Superseded")),
    ),
    "you may not attest as": (
        ("attesting without the right", "nosy", _attest()),
        ("attesting as somebody else", "quinn", _attest(role="others")),
    ),
    "by a wildcard, as cluster administrators do": (("system:masters attests", "admin", _attest()),),
    "status.attestations belongs to people": (("the operator attests", "operator", _attest()),),
    "you looked at the plan": (("attesting another plan", "quinn", _attest(planDigest=digest("another"))),),
}
_EVIDENCE: dict[str, _Tries] = {
    "ask for verb": (
        ("attesting evidence without the right", "nosy", _evidence()),
        ("attesting another type of evidence", "quinn", _evidence(type="security-scan")),
        ("an attester waives", "quinn", _waive()),
        ("a waiver attests", "tess", _evidence()),
    ),
    "by a wildcard, as cluster administrators do": (
        ("system:masters attests evidence", "admin", _evidence()),
        ("cluster-admin by binding waives", "super", _waive()),
    ),
    "a service account does not waive evidence": (("a robot with the right waives", "robot", _waive()),),
    "four eyes": (
        ("whoever created a release waives its evidence", "tess", _waive_own),
        ("whoever edited a release waives its evidence", "tess", _waive_held),
    ),
    "status.evidence belongs to people": (("the operator attests evidence", "operator", _evidence()),),
    "in status people write only": (
        ("a forged proof of passing", "nosy", _observed("releases", passed="uat")),
        ("a forged release digest", "quinn", _observed("releases", digest=digest("x"))),
    ),
    "entries are never changed, moved or removed": (("turning a failed result", "quinn", _turn_evidence),),
    "its charts are not resolved yet": (("attesting before anything is resolved", "quinn", _evidence_too_early),),
    "evidence is for the very bytes": (
        ("evidence for another digest", "quinn", _evidence(releaseDigest=digest("another"))),
    ),
}
_UNAUTHORISED: dict[str, _Tries] = {
    "spec.unauthorised is what the operator found": (
        ("a record of an unauthorised change of one's own making", "jo", _invent_a_finding),
    ),
}
_PROMOTIONS: dict[str, _Tries] = {
    "there is no plan yet": (("signing off before there is a plan", "quinn", _sign_off_without_a_plan),),
    "nobody vouches for what he could not try": (
        ("signing off what waits to be applied", "quinn", _sign_off_early("Waiting")),
        ("signing off what is being verified", "quinn", _sign_off_early("Verifying")),
    ),
    "four eyes": (("signing off one's own promotion", "tess", _sign_off_own),),
    "you may not sign off as": (
        ("signing off as another role", "quinn", _sign_off("business")),
        ("signing off without the right", "nosy", _sign_off()),
    ),
    "by a wildcard, as cluster administrators do": (("system:masters signs off", "admin", _sign_off()),),
    "status.signOffs belongs to people": (("the operator signs off", "operator", _sign_off()),),
    "in status people write only": (
        ("a promotion set to Succeeded by hand", "quinn", _status("promotions", phase="Succeeded")),
    ),
}
_PATTERNS: dict[str, _Tries] = {
    "you may not approve as": (
        ("a pattern approved without the right", "nosy", lambda w, who: w.add(who, _pattern(w), entry())),
    ),
    "in status people write only": (
        (
            "a pattern declared unused by hand",
            "alice",
            lambda w, who: w.send(who, "PATCH", _pattern(w).status, {"status": {"used": 0}}, MERGE_PATCH),
        ),
    ),
}
_STATUS: dict[str, _Tries] = {
    "status is what the operator observed": (("a delegation declared active", "nosy", _declared_active),),
}
_IN_USE: dict[str, _Tries] = {
    "abort it first": (
        ("deleting a promotion under way", "nosy", _delete_in_use("promotions")),
        ("deleting a change that is being implemented", "nosy", _delete_in_use("changerequests")),
        ("the operator deletes a promotion under way", "operator", _delete_in_use("promotions")),
        ("system:masters deletes a release that runs", "admin", _delete_in_use("releases")),
        ("deleting all at once", "nosy", _delete_all),
    ),
}
_FOUR_EYES: dict[str, _Tries] = {
    "objects of Lockflight have no owner": (
        ("letting the garbage collector delete a promotion", "nosy", _give_owner("promotions")),
        ("a promotion born with an owner", "jo", _born_with_owner),
        ("letting the garbage collector delete an environment", "gov", _give_owner("environments")),
    ),
    "requestedBy cannot change": (("another requester, so that the first one may approve", "jo", _another_requester),),
}
_RULES: dict[str, _Tries] = {
    "this rule binds others: ask for verb govern on": (
        ("a new environment", "nosy", lambda w, who: w.make("environments", who)),
        (
            "a lower quorum",
            "nosy",
            _edit("environments", changeControl={"normal": {"approvals": [{"role": "cab", "count": 1}]}}),
        ),
        ("an environment with less soak", "nosy", _edit("environments", soak="1m")),
        ("deleting an environment", "nosy", _delete("environments")),
        ("a new calendar", "nosy", lambda w, who: w.make("releasecalendars", who)),
        ("a later cut-off", "nosy", _edit("releasecalendars", train={"cutOff": "+0bd 08:00"})),
        ("deleting a calendar", "nosy", _delete("releasecalendars")),
        ("a pattern of one's own", "nosy", lambda w, who: w.make("standardchanges", who)),
        ("the board shortens a freeze", "alice", _edit("freezewindows", end="2030-12-19T00:00:00")),
        (
            "the board narrows a freeze as it lifts it",
            "alice",
            _edit("freezewindows", lift={"reason": "x"}, applications=["other"]),
        ),
        ("deleting a freeze", "nosy", _delete("freezewindows")),
        ("lifting a freeze without the right", "nosy", _edit("freezewindows", lift={"reason": "x"})),
    ),
}
_NAMESPACES: dict[str, _Tries] = {
    "bind namespace": (
        ("a production namespace called local", "nosy", _label(tier="Local")),
        ("a namespace freed of its stack", "nosy", _label(tier=None)),
        ("a label by the status subresource", "nosy", _label("/status", tier="Local")),
        ("a label by the finalize subresource", "nosy", _put("/finalize")),
        ("a label by PUT", "nosy", _put()),
        (
            "deleting a bound namespace",
            "nosy",
            lambda w, who: w.send(who, "DELETE", f"/api/v1/namespaces/{w.target}?dryRun=All"),
        ),
        (
            "deleting the namespace where the audit trail lies",
            "nosy",
            lambda w, who: w.send(who, "DELETE", f"/api/v1/namespaces/{w.root}?dryRun=All"),
        ),
        ("a namespace bound from birth", "nosy", _bound_from_birth),
        *GUARDED_NAMESPACES["bind namespace"],
    ),
    "no line of it is": GUARDED_NAMESPACES["no line of it is"],
}
_AUDIT: dict[str, _Tries] = {
    "audit records are written by the operator alone": (
        ("a forged audit record", "nosy", _forge_record),
        ("system:masters forges an audit record", "admin", _forge_record),
    ),
    "an audit record is never edited": (
        ("another label on an audit record", "admin", _relabel_record),
        ("the operator relabels an audit record", "operator", _relabel_record),
    ),
    "audit records stay": (
        ("deleting an audit record", "nosy", _delete_record),
        ("system:masters deletes an audit record", "admin", _delete_record),
        ("deleting all audit records", "nosy", _delete_records),
    ),
}
_DELEGATIONS: dict[str, _Tries] = {
    "spec.from is who hands over": (("handing over what is another's", "bob", _delegate()),),
    "a service account holds no role": (
        ("a robot makes a deputy", "robot", _delegate(**{"from": "system:serviceaccount:admission:robot"})),
    ),
    "so you cannot hand it over": (
        ("handing over a role that one does not hold", "alice", _delegate(roles=["cab", "ecab"])),
        ("a deputy hands on", "nosy", _delegate(**{"from": "nosy", "to": "bob"})),
    ),
    "by a wildcard: it counts only": (("an administrator makes a deputy", "super", _delegate(**{"from": "super"})),),
    "revokes or deletes this delegation": (
        ("ending another's delegation", "nosy", _end_delegation),
        ("deleting another's delegation", "nosy", _delete_delegation),
    ),
}
_POLICIES = {
    "delegations": _DELEGATIONS,
    "people-changerequests-approvals": _CHANGES,
    "people-changerequests-submissions": _SUBMISSIONS,
    "people-changerequests-review": _REVIEWS,
    "people-promotions-signoffs": _PROMOTIONS,
    "people-promotions-attestations": _ATTESTATIONS,
    "people-releases-evidence": _EVIDENCE,
    "people-standardchanges-approvals": _PATTERNS,
    "changes": _UNAUTHORISED,
    "status": _STATUS,
    "in-use": _IN_USE,
    "four-eyes": _FOUR_EYES,
    "rule-objects": _RULES,
    "namespaces": _NAMESPACES,
    "audit": _AUDIT | ON_HOLD,
    "audit-orders": ORDERS,
    **GUARD_POLICIES,
    **GOVERNANCE_POLICIES,
}
ATTACKS = tuple(
    Attack(name, who, act, policy, says)
    for policy, rules in _POLICIES.items()
    for says, tries in rules.items()
    for name, who, act in tries
)
