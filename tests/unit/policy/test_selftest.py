"""What the self-test makes of the policies it finds, and the gate of what it says."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.admission.installed import installed
from lockflight.policy.selftest import Admission, compare, digests, spec_digest

from .builders import environment, verdict, world

ACCOUNT = "system:serviceaccount:ops:lockflight"
POLICY = ("ValidatingAdmissionPolicy", "lockflight-four-eyes")
BINDING = ("ValidatingAdmissionPolicyBinding", "lockflight-four-eyes")
Objects = list[dict[str, Any]]


def _shipped() -> Objects:
    return [copy.deepcopy(dict(obj)) for obj in installed(ACCOUNT)]


def _one(objects: Objects, names: tuple[str, str]) -> dict[str, Any]:
    return next(obj for obj in objects if (obj["kind"], obj["metadata"]["name"]) == names)


def _found(change: Callable[[Objects], object]) -> tuple[str, ...]:
    objects = _shipped()
    change(objects)
    return compare(digests(installed(ACCOUNT), stamps=True), objects).differences


def test_what_was_shipped_does_not_differ_from_itself() -> None:
    assert _found(lambda _: None) == ()


def test_what_the_api_server_fills_in_makes_no_difference() -> None:
    def defaulted(objects: Objects) -> None:
        constraints = _one(objects, POLICY)["spec"]["matchConstraints"]
        constraints |= {"namespaceSelector": {}, "objectSelector": {}}
        for rule in constraints["resourceRules"]:
            rule["scope"] = "*"

    assert _found(defaulted) == ()


def _gone(objects: Objects) -> None:
    objects.remove(_one(objects, BINDING))


def _warns(objects: Objects) -> None:
    _one(objects, BINDING)["spec"]["validationActions"] = ["Warn"]


def _excludes_a_namespace(objects: Objects) -> None:
    selector = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["pay"]}]}
    _one(objects, BINDING)["spec"]["matchResources"] = {"namespaceSelector": selector}


def _names_another_policy(objects: Objects) -> None:
    _one(objects, BINDING)["spec"]["policyName"] = "gone"


def _ignores_failures(objects: Objects) -> None:
    _one(objects, POLICY)["spec"]["failurePolicy"] = "Ignore"


def _lacks_a_rule(objects: Objects) -> None:
    _one(objects, POLICY)["spec"]["validations"].pop()


def _has_an_exception(objects: Objects) -> None:
    condition = {"name": "me", "expression": "request.userInfo.username != 'x'"}
    _one(objects, POLICY)["spec"]["matchConditions"] = [condition]


def _is_for_another_account(objects: Objects) -> None:
    spec = _one(objects, POLICY)["spec"]
    for variable in spec["variables"]:
        variable["expression"] = variable["expression"].replace(ACCOUNT, "system:serviceaccount:evil:lockflight")


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (_gone, BINDING),
        (_warns, BINDING),
        (_excludes_a_namespace, BINDING),
        (_names_another_policy, BINDING),
        (_ignores_failures, POLICY),
        (_lacks_a_rule, POLICY),
        (_has_an_exception, POLICY),
        (_is_for_another_account, POLICY),
    ],
)
def test_a_policy_that_was_tampered_with_is_named(change: Callable[[Objects], object], names: tuple[str, str]) -> None:
    (difference,) = _found(change)
    assert difference.startswith(" ".join(names))


def test_without_mutating_policies_in_the_server_none_is_missed() -> None:
    objects = [obj for obj in _shipped() if not obj["kind"].startswith("Mutating")]
    assert compare(digests(installed(ACCOUNT), stamps=False), objects).differences == ()
    assert compare(digests(installed(ACCOUNT), stamps=True), objects).differences != ()


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=4), lambda x: st.lists(x, max_size=3)))
def test_any_value_of_a_field_of_its_own_is_part_of_the_digest(value: Any) -> None:
    assert (spec_digest({"policyName": "a", "more": value}) == spec_digest({"policyName": "a"})) == (value is None)


def _webhook(*groups: str) -> dict[str, Any]:
    rules = [{"apiGroups": list(groups), "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}]
    webhooks = [{"name": "w", "rules": rules}]
    return {"kind": "MutatingWebhookConfiguration", "metadata": {"name": "injector"}, "webhooks": webhooks}


def _policy(group: str) -> dict[str, Any]:
    rules = [{"apiGroups": [group], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}]
    spec = {"matchConstraints": {"resourceRules": rules}}
    return {"kind": "MutatingAdmissionPolicy", "metadata": {"name": "swap"}, "spec": spec}


@pytest.mark.parametrize(
    ("other", "listed"),
    [
        (_webhook(""), ("MutatingWebhookConfiguration injector",)),
        (_webhook("example.com", "*"), ("MutatingWebhookConfiguration injector",)),
        (_webhook("example.com"), ()),
        (_policy("apps"), ("MutatingAdmissionPolicy swap",)),
        (_policy("lockflight.dev"), ("MutatingAdmissionPolicy swap",)),
        (_policy("cert-manager.io"), ()),
    ],
)
def test_others_that_may_change_what_is_written_are_listed(other: dict[str, Any], listed: tuple[str, ...]) -> None:
    found = compare(digests(installed(ACCOUNT), stamps=True), [*_shipped(), other])
    assert (found.differences, found.others) == ((), listed)


@pytest.mark.parametrize("tier", ["Local", "Integration", "SystemTest"])
def test_below_uat_the_gate_is_not_asked(tier: str) -> None:
    s = world(environment=environment("here", tier), admission=None)
    assert verdict("Admission", s).outcome == "NotApplicable"


@pytest.mark.parametrize(
    ("found", "outcome", "reason"),
    [
        (None, "Waiting", "SelfTestPending"),
        (Admission(), "Passed", "Passed"),
        (Admission(others=("MutatingAdmissionPolicy swap",)), "Passed", "Passed"),
        (Admission(unknown=("no answer",)), "Waiting", "CannotTell"),
        (Admission(problems=("a is missing",)), "Waiting", "PoliciesNotInForce"),
        (Admission(problems=("a is missing",), unknown=("no answer",)), "Waiting", "PoliciesNotInForce"),
    ],
)
def test_the_gate_is_open_only_when_both_halves_hold(found: Admission | None, outcome: str, reason: str) -> None:
    said = verdict("Admission", world(admission=found))
    assert (said.outcome, said.reason) == (outcome, reason)


def test_who_else_changes_what_is_written_is_said() -> None:
    found = Admission(others=("MutatingAdmissionPolicy swap",))
    assert "MutatingAdmissionPolicy swap" in verdict("Admission", world(admission=found)).message
