"""What Argo CD and Flux show of every object that the operator writes: waiting for people is no failure."""

import copy
from typing import Any

import cel
import pytest
from lupa import lua51

from lockflight.api.changerequest import ChangePhase
from lockflight.api.kinds import LIVING
from lockflight.api.promotion import Phase
from tests.gitops import ARGO_STATUSES, GITOPS, LuaHealth, argo, expressions, flux, kstatus
from tests.workflow.gallery import SITUATIONS, Situation
from tests.workflow.world import PRODUCTION, UAT, FakeWorld


def album(fake: FakeWorld) -> list[dict[str, Any]]:
    """Fills with every object as each write of the operator leaves it."""
    pictures: list[dict[str, Any]] = []
    patch = fake.cluster.patch_status

    async def photographed(kind: str, namespace: str, name: str, *given: Any, **more: Any) -> Any:
        written = await patch(kind, namespace, name, *given, **more)
        pictures.append(fake.cluster.raw(kind, namespace, name))
        return written

    fake.cluster.patch_status = photographed  # type: ignore[method-assign]
    return pictures


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
async def test_it_is_shown_as_what_it_is(fake: FakeWorld, situation: Situation) -> None:
    pictures = album(fake)
    name = await situation.make(fake)
    await fake.settle()
    mine = [p for p in pictures if (p["kind"], p["metadata"]["name"]) == (situation.kind, name)]
    found = next(p for p in reversed(mine) if situation.phase in (None, p["status"].get("phase")))
    assert (argo().of(found)[0], kstatus(found), flux(found)) == (situation.argo, situation.kstatus, situation.flux)
    assert argo().of(found)[1] != ""
    for picture in pictures:
        status, message = argo().of(picture)
        assert (status in ARGO_STATUSES, len(message) > 0) == (True, True), picture
        flux(picture)
        if waits(picture):
            assert status in ("Suspended", "Progressing"), message
            assert kstatus(picture) == flux(picture) == "InProgress", message


def waits(obj: dict[str, Any]) -> bool:
    """A person or the clock is next."""
    waiting = {
        "Promotion": ("Waiting", "OnHold", "AwaitingVerification", "AwaitingSignOff"),
        "ChangeRequest": ("New", "Assess", "Authorize"),
    }
    return obj.get("status", {}).get("phase") in waiting.get(obj["kind"], ())


async def test_every_phase_is_among_them(fake: FakeWorld) -> None:
    """A phase that is new has to be shown somehow."""
    seen: set[tuple[str, str]] = set()
    for situation in SITUATIONS:
        world = FakeWorld()
        pictures = album(world)
        await situation.make(world)
        await world.settle()
        seen |= {(p["kind"], p["status"].get("phase", "")) for p in pictures}
    assert {("Promotion", phase.value) for phase in Phase} - seen == set()
    assert {("ChangeRequest", phase.value) for phase in ChangePhase} - seen == set()
    assert {kind for kind, _ in seen} == {kind.name for kind in LIVING}


@pytest.mark.parametrize("kind", LIVING, ids=lambda kind: kind.name)
def test_what_nobody_looked_at_is_in_progress(kind: Any) -> None:
    obj = {"kind": kind.name, "metadata": {"name": "x", "generation": 1}}
    assert argo().of(obj)[0] == "Progressing"
    # The API server fills in the generation that was looked at: none.
    obj["status"] = {"observedGeneration": 0}
    assert (argo().of(obj)[0], kstatus(obj), flux(obj)) == ("Progressing", "InProgress", "InProgress")
    before = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}
    edited = {**obj, "metadata": {"name": "x", "generation": 2}, "status": before}
    assert (argo().of(edited)[0], kstatus(edited), flux(edited)) == ("Progressing", "InProgress", "InProgress")
    going = {**obj, "metadata": {"generation": 1, "deletionTimestamp": "2026-12-01T00:00:00Z"}, "status": before}
    assert (argo().of(going)[0], kstatus(going)) == ("Progressing", "Terminating")


def test_there_is_a_script_for_every_kind_that_has_a_status() -> None:
    assert set(argo().scripts) == {kind.name for kind in LIVING}
    files = {path.stem for path in (GITOPS / "argocd/component/health").glob("*.lua")}
    assert files == set(argo().scripts)


def test_all_scripts_begin_alike() -> None:
    """Argo CD lets them share nothing: what they have in common is the same everywhere."""
    beginnings = {text[: text.index("as it is now")] for text in argo().scripts.values()}
    assert len(beginnings) == 1


@pytest.mark.parametrize(
    "script", ["return os.time()", "return io.open('/')", "return ('x'):upper()", "return require('x')", "x("]
)
def test_scripts_are_run_in_the_sandbox_of_argo_cd(script: str) -> None:
    with pytest.raises(lua51.LuaError):
        LuaHealth({"Promotion": script}).of({"kind": "Promotion", "metadata": {"generation": 1}})


@pytest.mark.parametrize("script", ["return 'Healthy'", "return {status = 'Fine', message = ''}", "return nil"])
def test_what_argo_cd_would_call_no_health_is_none(script: str) -> None:
    with pytest.raises(ValueError, match="no health"):
        LuaHealth({"Promotion": script}).of({"kind": "Promotion", "metadata": {"generation": 1}})


@pytest.mark.parametrize("kind", expressions())
def test_expressions_of_flux_compile_and_need_nothing_but_a_status(kind: str) -> None:
    row = expressions()[kind]
    assert row.keys() == {"apiVersion", "kind", "current", "failed"}
    for key in ("current", "failed"):
        assert cel.evaluate(row[key], {"status": {}}) is False


async def test_an_ended_change_never_becomes_current_again(fake: FakeWorld) -> None:
    """A Flux Kustomization that depends on a change must not go on once the change is over."""
    ended = [s for s in SITUATIONS if s.kind == "ChangeRequest" and s.flux == "Failed"]
    assert {s.about for s in ended} == {"is closed", "was rejected", "expired", "was cancelled"}
    name = await next(s for s in ended if s.about == "is closed").make(fake)
    await fake.settle()
    old = copy.deepcopy(await fake.raw("ChangeRequest", name))
    await fake.later(days=30)
    assert flux(await fake.raw("ChangeRequest", name)) == flux(old) == "Failed"


TRACKED = {
    "labels": {"app.kubernetes.io/instance": "shop", "kustomize.toolkit.fluxcd.io/name": "shop"},
    "annotations": {"argocd.argoproj.io/tracking-id": "shop:lockflight.dev/Release:payments/payments-1.0.0"},
}


async def synced(fake: FakeWorld, kind: str, name: str) -> None:
    """A tool marks an object as its own."""
    raw = await fake.raw(kind, name)
    raw["metadata"] |= {"labels": TRACKED["labels"]}
    raw["metadata"]["annotations"] |= TRACKED["annotations"]
    await fake.write(raw)


async def test_what_the_operator_makes_of_a_synced_release_is_nobodys_to_prune(fake: FakeWorld) -> None:
    """Promotions, drafts and records of what nobody permitted bear no mark of the tool that synced the release."""
    control = {**PRODUCTION["changeControl"], "draft": True}
    await fake.environment("integration", {"tier": "Integration"})
    await fake.environment("uat", UAT)
    await fake.environment("production", {**PRODUCTION, "promotesFrom": ["uat"], "changeControl": control})
    release = await fake.release("1.0.0")
    await synced(fake, "Release", release)
    await fake.settle()
    promotion = await fake.promote(release, "uat")
    await fake.settle()
    await fake.sign(promotion, "bea")
    await fake.settle()
    for kind, name in (("Promotion", f"{release}-integration"), ("ChangeRequest", f"{release}-production")):
        made = (await fake.raw(kind, name))["metadata"]
        assert (made.get("labels", {}), made.get("annotations", {})) == ({}, {})


async def test_a_synced_promotion_of_the_same_name_stands_for_the_automatic_one(fake: FakeWorld) -> None:
    await fake.environment("integration", {"tier": "Integration"})
    release = await fake.release("1.0.0")
    name = await fake.promote(release, "integration")
    await synced(fake, "Promotion", name)
    await fake.settle()
    found = await fake.raw("Promotion", name)
    assert found["metadata"]["annotations"].items() >= TRACKED["annotations"].items()
    assert [o.metadata.name for o in fake.cluster.everything() if o.kind == "Promotion"] == [name]
    assert await fake.phase(name) == "Succeeded"
