"""The store's indexes: always what a look at everything would find."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.emergency import Debt
from lockflight.api.kinds import AnyObject
from lockflight.api.promotion import Phase, Promotion
from lockflight.api.release import Release
from lockflight.workflow.dependents import application_of, peers
from lockflight.workflow.indexes import Index
from lockflight.workflow.keys import key_of
from lockflight.workflow.store import Store
from tests.unit.policy.builders import NOW, change, promotion, release

VERSIONS = ("1.0.0", "1.1.0", "2.0.0")
APPLICATIONS = ("payments", "ledger")
ENVIRONMENTS = ("uat", "production")


def _release(version: str, application: str) -> Release:
    made = release(version, application=application)
    return made.model_copy(update={"metadata": made.metadata.model_copy(update={"name": version})})


def _promotion(name: str, version: str, to: str, phase: Phase, under: str | None) -> Promotion:
    made = promotion(name, release_name=version, to=to, phase=phase)
    return made.model_copy(update={"status": made.status.model_copy(update={"change": under})})


def _change(name: str, environments: list[str], owes: str | None) -> ChangeRequest:
    made = change(name, environments=environments)
    rows = [Debt(gate="Soak", environment=owes, since=NOW, due_by=NOW)] if owes else []
    return made.model_copy(update={"status": made.status.model_copy(update={"debts": tuple(rows)})})


OBJECTS = st.one_of(
    st.builds(_release, st.sampled_from(VERSIONS), st.sampled_from(APPLICATIONS)),
    st.builds(
        _promotion,
        st.sampled_from(("one", "two", "three", "four")),
        st.sampled_from(VERSIONS),
        st.sampled_from(ENVIRONMENTS),
        st.sampled_from((Phase.WAITING, Phase.DEPLOYING, Phase.SUCCEEDED)),
        st.sampled_from((None, "chg-1")),
    ),
    st.builds(
        _change,
        st.sampled_from(("chg-1", "chg-2")),
        st.lists(st.sampled_from(ENVIRONMENTS), min_size=1, unique=True),
        st.sampled_from((None, *ENVIRONMENTS)),
    ),
)
STEPS = st.lists(st.tuples(st.booleans(), OBJECTS), max_size=25)


def _filled(steps: list[tuple[bool, AnyObject]]) -> Store:
    store = Store()
    for gone, obj in steps:
        if gone:
            store.remove(key_of(obj))
        else:
            store.put(obj)
    return store


def _names(objects: object) -> set[str]:
    return {obj.metadata.name for obj in objects}  # type: ignore[attr-defined]


@given(STEPS)
def test_an_index_finds_what_a_look_at_everything_finds(steps: list[tuple[bool, AnyObject]]) -> None:
    store = _filled(steps)
    ways: dict[Index, tuple[type, tuple[str, ...], Callable[..., bool]]] = {
        Index.RELEASES_OF_APPLICATION: (Release, APPLICATIONS, lambda r, v: r.spec.application == v),
        Index.PROMOTIONS_OF_RELEASE: (Promotion, VERSIONS, lambda p, v: p.spec.release_ref.name == v),
        Index.EXECUTING_IN: (
            Promotion,
            ENVIRONMENTS,
            lambda p, v: p.spec.environment_ref.name == v and p.status.phase.executing,
        ),
        Index.PROMOTIONS_UNDER: (Promotion, ("chg-1", "chg-2"), lambda p, v: p.status.change == v),
        Index.CHANGES_FOR: (ChangeRequest, ENVIRONMENTS, lambda c, v: v in c.spec.environments),
        Index.OWING_FOR: (ChangeRequest, ENVIRONMENTS, lambda c, v: any(d.environment == v for d in c.status.debts)),
    }
    assert set(ways) == set(Index)
    for index, (kind, values, holds) in ways.items():
        for value in values:
            expected = {o.metadata.name for o in store.of(kind, "payments") if holds(o, value)}
            assert _names(store.by(kind, index, "payments", value)) == expected
    assert store.applications("payments") == {r.spec.application for r in store.of(Release, "payments")}


@given(STEPS, STEPS)
def test_siblings_are_those_of_now(before: list[tuple[bool, AnyObject]], after: list[tuple[bool, AnyObject]]) -> None:
    store = _filled(before)
    known = {a: store.siblings("payments", a) for a in APPLICATIONS}
    assert all(store.siblings("payments", a) is known[a] for a in APPLICATIONS)
    for gone, obj in after:
        if gone:
            store.remove(key_of(obj))
        else:
            store.put(obj)
    for application in APPLICATIONS:
        expected = {r.metadata.name: r for r in store.of(Release, "payments") if r.spec.application == application}
        assert store.siblings("payments", application) == expected


@given(STEPS)
def test_peers_go_to_the_same_target_or_execute_there_with_their_release_gone(
    steps: list[tuple[bool, AnyObject]],
) -> None:
    store = _filled(steps)
    for mine in store.of(Promotion, "payments"):
        application = application_of(store, mine)
        expected = {
            p.metadata.name
            for p in store.of(Promotion, "payments")
            if p.metadata.uid != mine.metadata.uid
            and p.spec.environment_ref == mine.spec.environment_ref
            and (
                application_of(store, p) == application
                or (application_of(store, p) is None and p.status.phase is not None and p.status.phase.executing)
            )
        }
        assert _names(peers(store, mine)) == expected


def test_what_is_kept_is_made_anew_when_what_it_rests_on_changes_and_only_then() -> None:
    store, made = Store(), [0]

    def count() -> int:
        made[0] += 1
        return made[0]

    rests_on = ((Promotion, "payments"),)
    assert [store.kept(("a",), rests_on, count), store.kept(("a",), rests_on, count)] == [1, 1]
    store.put(release("1.0.0"))
    assert store.kept(("a",), rests_on, count) == 1
    store.put(promotion("one"))
    assert store.kept(("a",), rests_on, count) == 2
    store.remove(key_of(promotion("one")))
    assert store.kept(("a",), rests_on, count) == 3
