"""A bundle with a step that a pipeline takes between two charts."""

import pytest

from lockflight.devcluster.errors import CommandFailedError
from tests.e2e.stack import EVIDENCE, Stack, eventually

ENVIRONMENTS = [{"name": "integration", "tier": "Integration", "spec": {"autoPromote": False}}]


def test_a_pipeline_takes_its_step_when_its_turn_comes(stack: Stack) -> None:
    stack.install(ENVIRONMENTS, people={"attesters": {"ops": [{"kind": "User", "name": "petra"}]}})
    place, digest = stack.chart()
    chart = {"oci": place, "version": "1.0.0", "digest": digest}
    step = {"name": "load", "external": {"role": "ops", "description": "Load the tariffs.", "timeout": "1h"}}
    spec = {
        "application": stack.name,
        "version": "1.0.0",
        "source": {"branch": "main", "tag": "v1.0.0"},
        "components": [{"name": "one", "chart": chart}, step, {"name": "two", "chart": chart}],
        "evidence": [{"type": kind, "result": "Passed"} for kind in EVIDENCE],
    }
    release = f"{stack.name}-1.0.0"
    stack.create("Release", release, spec)
    promotion = stack.promote(release, "integration")

    waited = stack.lockflight("wait", promotion, "--step", "load", "--timeout", "60s", person="petra")
    assert f"step load of {promotion} is Authorized" in waited.stdout, waited.stderr
    assert set(stack.deployed(f"{stack.name}-integration")) == {f"{stack.name}-one"}
    entry = {"role": "ops", "step": "load", "result": "Passed"}
    with pytest.raises(CommandFailedError):
        stack.append("jo", "lfpromo", promotion, "attestations", entry)

    said = stack.lockflight(
        "attest", promotion, "load", "--role", "ops", "--result", "Passed", "--comment", "run 7", person="petra"
    )
    assert said.returncode == 0, said.stderr
    status = stack.reaches(promotion, "Succeeded")
    assert (status["steps"][0]["state"], status["steps"][0]["message"]) == ("Done", "says petra: run 7")
    eventually(lambda: len(stack.deployed(f"{stack.name}-integration")) == 2, "both charts")
