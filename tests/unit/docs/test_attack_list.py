"""The attacks that somebody who knows the product would begin with: each is tried, by a test or an attempt."""

import pytest

from tests.integration.admission.attacks import ATTACKS
from tests.unit.docs.test_claims import defined

LIST: dict[str, tuple[str, ...]] = {
    "forging by or groups": (
        "test_a_forged_name_is_overwritten",
        "test_forged_groups_are_overwritten",
        "test_no_list_takes_what_is_missing_or_forged",
    ),
    "editing, deleting and reordering entries": (
        "turning somebody's rejection",
        "putting another name on an entry",
        "removing an entry",
        "an entry in front of the others",
        "changing the order",
    ),
    "approving one's own change": ("the creator approves", "the requester approves", "the submitter approves"),
    "approving as its editor": ("an editor approves", "a governor approves their own edit of an environment"),
    "approving through a second role": (
        "another role",
        "test_a_quorum_is_there_exactly_when_distinct_people_can_fill_every_place",
    ),
    # Two accounts are two people to the API server; what passes for a second one is tried.
    "approving through a second account": (
        "a deputy of oneself",
        "a deputy approves for the requester",
        "a relay approves for the creator",
    ),
    "approving as operator": ("the operator approves", "the operator approves an environment"),
    "approving as cluster-admin by binding": ("cluster-admin by binding approves", "a wildcard verb on the role"),
    "approving as system:masters": ("system:masters approves", "system:masters signs off", "system:masters reviews"),
    "editing requestedBy to get round four eyes": ("another requester, so that the first one may approve",),
    "approving an unseen plan": (
        "approving before there is a plan",
        "approving high risk without saying which plan",
    ),
    "approving while the plan lags behind the spec": (
        "approving while the plan lags behind the spec",
        "approving an environment before the operator saw its edit",
    ),
    "approving, then changing values, images, environment or rules": (
        "test_a_change_of_configuration_voids_the_approvals",
        "test_an_image_swapped_by_an_environments_values_is_refused",
        "test_the_rules_relied_upon_are_part_of_the_plan_and_the_title_is_not",
        "test_an_edit_closes_until_it_is_approved",
    ),
    "re-using an approval": (
        "test_an_approval_is_used_up_by_the_promotion_that_finished",
        "using an approval again after an edit",
    ),
    "status on create": ("test_a_status_given_at_birth_is_dropped",),
    "patching phase to Succeeded": ("a promotion set to Succeeded by hand",),
    "racing approvals and a spec edit": (
        "approving an older generation",
        "test_an_edit_starts_a_generation_that_can_be_approved_anew",
    ),
    "a merge patch that drops a rejection": ("a merge patch that drops a rejection",),
    "filling the list so that no rejection fits": ("a fifth entry", "two entries in one request"),
    "a robot's approval": ("a service account with the right approves", "a robot approves an environment"),
    "a self-declared hotfix or calendar": (
        "test_without_a_change_it_waits_for_its_train",
        "test_nothing_is_spared_but_by_a_change_that_says_so",
        "a new calendar",
        "a later cut-off",
    ),
    "deleting or shortening a future freeze": (
        "deleting a freeze",
        "the board shortens a freeze",
        "deleting a freeze that may still hold",
    ),
    "lowering a quorum": (
        "a lower quorum",
        "test_a_looser_value_is_refused_with_field_found_and_allowed",
        "test_taking_governance_away_is_approved_by_those_it_names",
    ),
    "an Environment of tier Local aimed at production": (
        "test_an_environment_that_claims_a_lower_tier_than_its_namespace_is_closed_and_told_so",
    ),
    "changing a namespace's labels by every subresource": (
        "a production namespace called local",
        "a label by the status subresource",
        "a label by the finalize subresource",
        "a label by PUT",
    ),
    "helm upgrade, kubectl edit, scale, exec and debug in production": (
        "helm upgrade in production, by its record",
        "kubectl edit in production",
        "kubectl scale in production",
        "exec in production, by whom the annotation names",
        "kubectl debug in production",
    ),
    "impersonating the deployer with the built-in edit role": (
        "test_whoever_holds_edit_is_not_the_deployer",
        "a role to act as a deployer",
    ),
    "a chart that binds a role to a user": ("a chart that gives a user rights", "a chart that gives a group rights"),
    "a chart that brings a pod that writes there": ("a pod that a chart brought writes",),
    "deleting a Helm release Secret": ("deleting a record of Helm",),
    "deploying into another stack's namespace": (
        "test_the_namespace_of_another_stack_is_out_of_reach",
        "a deployer in another namespace",
    ),
    "reading Secrets through valuesFrom": (
        "test_it_reads_secrets_in_bound_stacks_only_and_by_name",
        "an environment that reads a Secret which its author may not",
    ),
    # No Environment names a kubeconfig yet: the schema knows no such field.
    "a kubeconfig with exec": ("test_an_unknown_field_is_named",),
    "a mutating policy that swaps the image": ("test_a_mutating_policy_that_swaps_the_image_is_caught",),
    "deleting a policy or its binding, or setting it to Warn": (
        "test_a_binding_set_to_warn_or_gone_is_found_by_both_halves",
        "test_not_even_system_masters_deletes_or_replaces_them",
    ),
    "excluding one namespace": (
        "test_a_guard_that_lets_the_probe_through_is_found_within_a_minute",
        "test_a_tier_label_taken_away_is_found_by_the_probe",
    ),
    "editing an AuditRecord": ("another label on an audit record", "the operator relabels an audit record"),
    "deleting the audit trail's namespace": ("deleting the namespace where the audit trail lies",),
}


@pytest.mark.parametrize("attack", LIST)
def test_it_is_tried(attack: str) -> None:
    known = defined() | {attempt.name for attempt in ATTACKS}
    assert set(LIST[attack]) - known == set()


def test_there_are_as_many_attempts_as_were_asked_for() -> None:
    assert len({attempt.name for attempt in ATTACKS}) == len(ATTACKS) >= 80
