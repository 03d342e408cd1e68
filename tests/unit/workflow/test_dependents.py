"""Every kind of change wakes who depends on it, and not the rest of the world."""

from typing import Any

from lockflight.api.changerequest import Approval
from lockflight.api.kinds import AnyObject
from lockflight.api.promotion import Phase, Promotion
from lockflight.policy.model import Namespace
from lockflight.workflow.dependents import dependents, namespace_dependents, peers
from lockflight.workflow.keys import Key, key_of
from lockflight.workflow.store import Store
from tests.unit.policy.builders import NOW, ROOT, calendar, change, environment, freeze, promotion, release

OLD, NEW = release("2.3.1"), release("2.4.0")
PRODUCTION, UAT = environment(), environment("uat", "UAT")
OPEN = promotion("open")
DONE = promotion("done", phase=Phase.SUCCEEDED, started=NOW, deployed=NOW, release_name="payments-2.3.1")
IN_UAT = promotion("in-uat", to="uat")
ELSEWHERE = environment(namespace="shop")


def store_of(*more: AnyObject) -> Store:
    store = Store()
    for obj in (OLD, NEW, PRODUCTION, UAT, ELSEWHERE, OPEN, DONE, IN_UAT, *more):
        store.put(obj)
    return store


def woken(old: AnyObject | None, new: AnyObject | None, *more: AnyObject) -> set[str]:
    """Kind and name of those woken, without the changed object itself, which always is."""
    made = new or old
    assert made is not None
    key = key_of(made)
    keys = dependents(store_of(*more), key, old, new, ROOT)
    assert key in keys
    return {f"{k.kind} {k.name}" if k.namespace == "payments" else str(k) for k in keys - {key}}


def test_a_promotions_new_phase_wakes_its_release_environment_change_and_rivals() -> None:
    named = change("named")
    ran_under = change("ran-under", release_name="payments-9.9.9")
    unrelated = change("unrelated", release_name="payments-9.9.9")
    before = promotion("other", phase=Phase.DEPLOYING, started=NOW)
    status = before.status.model_copy(update={"phase": Phase.SUCCEEDED, "change": "ran-under"})
    after = before.model_copy(update={"status": status})
    assert woken(before, after, named, ran_under, unrelated) == {
        "Release payments-2.4.0",
        "Environment production",
        "ChangeRequest named",
        "ChangeRequest ran-under",
        "Promotion open",
        # The stay of what ran there ends.
        "Release payments-2.3.1",
    }


def test_a_promotion_that_only_says_more_wakes_nobody() -> None:
    more = OPEN.model_copy(update={"status": OPEN.status.model_copy(update={"waits_for": "bob"})})
    assert woken(OPEN, more, change()) == set()


def test_a_promotion_that_comes_or_goes_wakes_its_surroundings() -> None:
    for old, new in ((None, IN_UAT), (IN_UAT, None)):
        assert {"Release payments-2.4.0", "Environment uat"} <= woken(old, new)


def test_a_promotion_put_on_hold_wakes_the_freezes_that_show_it() -> None:
    held = OPEN.model_copy(update={"status": OPEN.status.model_copy(update={"phase": Phase.ON_HOLD})})
    found = woken(OPEN, held, freeze("everywhere"), freeze("here", "payments"), freeze("there", "shop"))
    assert {"FreezeWindow here", f"FreezeWindow {ROOT}/everywhere"} <= found
    assert not [name for name in found if "there" in name]


def test_a_release_wakes_its_open_promotions_and_its_changes() -> None:
    other = change("other", release_name="payments-2.3.1")
    assert woken(NEW, NEW, change(), other) == {"Promotion open", "Promotion in-uat", "ChangeRequest chg-1042"}


def test_an_environments_spec_wakes_the_whole_stack_and_nobody_else() -> None:
    edited = PRODUCTION.model_copy(update={"metadata": PRODUCTION.metadata.model_copy(update={"generation": 2})})
    assert woken(PRODUCTION, edited, change()) == {
        "Promotion open",
        "Promotion in-uat",
        "ChangeRequest chg-1042",
        "Release payments-2.3.1",
        "Release payments-2.4.0",
        "Environment uat",
    }


def test_an_environments_status_wakes_nobody() -> None:
    assert woken(PRODUCTION, PRODUCTION, change()) == set()


def test_a_baseline_wakes_every_stack() -> None:
    baseline = environment("production", namespace=ROOT)
    found = woken(None, baseline)
    assert {"Environment production", "Environment shop/production", "Promotion open"} <= found


GOVERNED = environment("base", namespace=ROOT, governance={"approvals": [{"role": "cab"}]})


def _decided_on(rule: Any) -> Any:
    entry = Approval(role="cab", decision="Approved", by="ann")
    return rule.model_copy(update={"status": rule.status.model_copy(update={"approvals": (entry,)})})


def test_the_approval_of_a_rule_wakes_what_waits_for_it() -> None:
    waiting = {"Promotion open", "Promotion in-uat"}
    assert woken(PRODUCTION, _decided_on(PRODUCTION), change()) == waiting | {"ChangeRequest chg-1042"}
    here = freeze("here", "payments")
    assert woken(here, _decided_on(here)) == {"Promotion open", "Promotion in-uat"}


def test_what_a_baseline_asks_for_wakes_the_other_rules() -> None:
    found = woken(GOVERNED, _decided_on(GOVERNED), freeze("here", "payments"), calendar())
    assert {"FreezeWindow here", "ReleaseCalendar four-weekly", "Environment uat", "Promotion open"} <= found


def test_an_environment_that_comes_gives_calendars_their_approvers_where_a_baseline_asks() -> None:
    assert "ReleaseCalendar four-weekly" in woken(None, PRODUCTION, GOVERNED, calendar())
    assert "ReleaseCalendar four-weekly" not in woken(None, PRODUCTION, calendar())


def test_a_change_wakes_what_it_permits_now_or_permitted_before() -> None:
    assert woken(None, change(environments=["production"])) == {"Promotion open"}
    assert woken(change(), change(environments=["uat"])) == {"Promotion open", "Promotion in-uat"}


def test_a_change_wakes_a_promotion_that_names_it_and_a_way_back() -> None:
    names_it = promotion("names-it", release_name="payments-2.3.1", changeRequestRef={"name": "chg-1042"})
    way_back = promotion("way-back", release_name="payments-2.3.1", action="Rollback")
    unrelated = promotion("unrelated", release_name="payments-2.3.1")
    found = woken(None, change(), names_it, way_back, unrelated)
    assert found == {"Promotion open", "Promotion names-it", "Promotion way-back"}


def test_a_freeze_wakes_the_open_promotions_where_it_counts() -> None:
    shop = promotion("elsewhere")
    shop = shop.model_copy(update={"metadata": shop.metadata.model_copy(update={"namespace": "shop"})})
    assert woken(None, freeze("here", "payments"), shop) == {"Promotion open", "Promotion in-uat"}
    everywhere = woken(None, freeze("everywhere"), shop)
    assert everywhere == {"Promotion open", "Promotion in-uat", "Promotion shop/elsewhere"}


def test_a_namespace_wakes_what_goes_there() -> None:
    store = store_of()
    store.put_namespace(Namespace("payments-production", {}))
    assert namespace_dependents(store, "payments-production") == {Key("Promotion", "payments", "open")}
    assert namespace_dependents(store, "payments-elsewhere") == set()


def test_peers_go_into_the_same_environment_with_the_same_application() -> None:
    web = release("1.0.0", application="web")
    web = web.model_copy(update={"metadata": web.metadata.model_copy(update={"name": "web-1.0.0"})})
    theirs = promotion("theirs", release_name="web-1.0.0")
    lost = {phase: promotion(f"lost-{phase}", release_name="gone", phase=phase) for phase in Phase}
    store = store_of(web, theirs, *lost.values())

    def names(of: Promotion) -> set[str]:
        return {p.metadata.name for p in peers(store, of)}

    # One that executes holds its target whatever became of its release.
    assert names(OPEN) == {"done", "lost-Deploying", "lost-Verifying"}
    assert "open" not in names(theirs)
