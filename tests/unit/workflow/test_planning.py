"""A plan: what it holds, what it hides, what it refuses."""

from dataclasses import replace
from typing import Any

import pytest

from lockflight.api.environment import Environment
from lockflight.api.release import Release
from lockflight.policy.digest import release_digest
from lockflight.policy.effective import effective
from lockflight.policy.model import PlanProblem
from lockflight.workflow.deps import Deps
from lockflight.workflow.plancache import PlanCache, Planned
from lockflight.workflow.planning import plan_for
from tests.fakes import FakeCharts, FakeCluster, FakeHelm
from tests.unit.policy.builders import component, environment, meta
from tests.unit.workflow.deps import make_deps

SECRET = "correct-horse-battery"
STACK, TARGET = "payments", "payments-production"
FROM_SECRET = {"kind": "Secret", "name": "db", "key": "values.yaml"}


class Scene:
    """One release to production, resolved."""

    def __init__(self) -> None:
        self.charts, self.cluster, self.helm = FakeCharts(), FakeCluster(), FakeHelm()
        self.digest = self.charts.publish("oci://registry.example/charts/payments", "2.4.0")
        self.deps: Deps = make_deps(charts=self.charts, cluster=self.cluster, helm=self.helm)

    def release(self, name: str = "payments-2.4.0", *, application: str = "payments", **part: Any) -> Release:
        spec = {"application": application, "version": "2.4.0", "components": [component("app", **part)]}
        spec["components"][0]["chart"]["digest"] = self.digest
        made = Release.model_validate({"metadata": meta(name), "spec": spec})
        digest = release_digest(made, {"app": self.digest})
        status = {"digest": digest, "components": [{"name": "app", "chartDigest": self.digest}]}
        return Release.model_validate({**made.dump(), "status": status})

    def secret(self, text: str) -> None:
        self.cluster.configs["Secret", STACK, "db", "values.yaml"] = text.encode()

    async def plan(self, release: Release | None = None, where: Environment | None = None) -> Planned | PlanProblem:
        where = where or environment()
        governed = effective(where, None, (where,))
        return await plan_for(self.deps, STACK, release or self.release(), where, governed, TARGET)

    async def planned(self, release: Release | None = None, where: Environment | None = None) -> Planned:
        made = await self.plan(release, where)
        assert isinstance(made, Planned), made
        return made

    async def problem(self, release: Release | None = None, where: Environment | None = None) -> PlanProblem:
        made = await self.plan(release, where)
        assert isinstance(made, PlanProblem), made
        return made


@pytest.fixture
def scene() -> Scene:
    return Scene()


def _with_secret() -> Environment:
    return environment(valuesFrom=[FROM_SECRET])


async def test_a_secret_value_is_applied_and_neither_shown_nor_bound(scene: Scene) -> None:
    scene.secret(f"password: {SECRET}")
    first = await scene.planned(where=_with_secret())
    assert first.values["app"]["password"] == SECRET
    assert SECRET not in repr(first.plan)
    scene.secret("password: another-one-entirely")
    second = await scene.planned(where=_with_secret())
    assert second.values["app"]["password"] == "another-one-entirely"
    assert second.plan.digest == first.plan.digest


async def test_which_keys_come_from_a_secret_is_bound(scene: Scene) -> None:
    scene.secret(f"password: {SECRET}")
    first = await scene.planned(where=_with_secret())
    scene.secret(f"password: {SECRET}\nuser: app")
    assert (await scene.planned(where=_with_secret())).plan.digest != first.plan.digest


async def test_an_error_of_the_chart_does_not_quote_a_secret(scene: Scene) -> None:
    scene.secret(f"password: {SECRET}")
    scene.helm.render_error = f"template: app/secret.yaml: {SECRET} is too weak"
    problem = await scene.problem(where=_with_secret())
    assert problem.reason == "RenderFailed"
    assert SECRET not in problem.message
    assert "too weak" in problem.message


@pytest.mark.parametrize("text", [f"- {SECRET}", f"{SECRET}: [", f"{SECRET}"])
async def test_an_unreadable_secret_is_not_quoted(scene: Scene, text: str) -> None:
    scene.secret(text)
    problem = await scene.problem(where=_with_secret())
    assert (problem.reason, problem.final) == ("ValuesUnreadable", False)
    assert SECRET not in problem.message


async def test_a_missing_secret_is_named_and_may_still_come(scene: Scene) -> None:
    problem = await scene.problem(where=_with_secret())
    assert (problem.reason, problem.final) == ("ValuesMissing", False)
    assert "Secret db key values.yaml" in problem.message


async def test_values_that_are_too_large_are_refused_for_good(scene: Scene) -> None:
    scene.deps.options = replace(scene.deps.options, values_max_bytes=64)
    problem = await scene.problem(scene.release(values={"text": "x" * 100}))
    assert (problem.reason, problem.final) == ("ValuesTooLarge", True)
    assert "component app" in problem.message


async def test_a_release_is_not_believed_by_its_status(scene: Scene) -> None:
    made = scene.release()
    other = "sha256:" + "f" * 64
    forged = made.model_copy(update={"status": made.status.model_copy(update={"digest": other})})
    resolved = made.status.components[0].model_copy(update={"chart_digest": other})
    swapped = made.model_copy(update={"status": made.status.model_copy(update={"components": (resolved,)})})
    missing = made.model_copy(update={"status": made.status.model_copy(update={"components": ()})})
    for tampered in (forged, swapped, missing):
        problem = await scene.problem(tampered)
        assert (problem.reason, problem.final) == ("ReleaseTampered", True)
    assert scene.charts.pulls == []


async def test_a_release_without_a_digest_is_waited_for(scene: Scene) -> None:
    made = scene.release()
    young = made.model_copy(update={"status": made.status.model_copy(update={"digest": None})})
    problem = await scene.problem(young)
    assert (problem.reason, problem.final) == ("ReleaseNotReady", False)


async def test_a_silent_registry_may_still_answer(scene: Scene) -> None:
    scene.charts.down = True
    problem = await scene.problem()
    assert (problem.reason, problem.final) == ("RegistryUnreachable", False)


async def test_the_same_inputs_are_rendered_once(scene: Scene) -> None:
    first = await scene.planned()
    scene.helm.render_error = "not again"
    assert await scene.planned() is first


async def test_two_applications_with_the_same_content_have_plans_of_their_own(scene: Scene) -> None:
    first = await scene.planned()
    second = await scene.planned(scene.release("web-2.4.0", application="web"))
    assert [c.helm_release for c in first.plan.components] == ["payments-app"]
    assert [c.helm_release for c in second.plan.components] == ["web-app"]


async def test_what_cannot_be_taken_back_is_another_plan_though_the_digest_is_the_same(scene: Scene) -> None:
    first = await scene.planned()
    second = await scene.planned(scene.release(reversible=False))
    assert [c.reversible for c in second.plan.components] == [False]
    assert second.plan.digest != first.plan.digest


async def test_the_least_recently_used_plan_goes(scene: Scene) -> None:
    made, cache = await scene.planned(), PlanCache(2)
    for key in ("a", "b"):
        cache.put(key, made)
    cache.get("a")
    cache.put("c", made)
    assert [key for key in "abc" if cache.get(key)] == ["a", "c"]
