"""The commands against a real API server, as the people of the demo."""

import json
from pathlib import Path

from lockflight.api.common import CREATOR_ANNOTATION

from .conftest import STACK, World

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def _create(world: World, version: str, *more: str, who: str = "jo", digest: str = DIGEST) -> tuple[int, str, str]:
    command = ("release", "create", "--application", "payments", "--version", version)
    done = world.lockflight(who, *command, "--chart", "oci://registry.example/payments", "--digest", digest, *more)
    return done.returncode, done.stdout, done.stderr


def test_a_release_is_created_once_and_other_content_refused(world: World, tmp_path: Path) -> None:
    values, report = tmp_path / "values.yaml", tmp_path / "junit.xml"
    values.write_text("replicas: 2\nratio: 0.5\nlist: [{a: null}]\n")
    report.write_text("<testsuite><testcase name='a'/></testsuite>")
    same = ("--values", str(values), "--env-values", f"uat={values}", "--evidence", str(report), "--branch", "main")
    assert _create(world, "1.0.0", *same)[:2] == (0, "releases.lockflight.dev/payments-1.0.0 created\n")
    assert _create(world, "1.0.0", *same)[:2] == (0, "releases.lockflight.dev/payments-1.0.0 unchanged\n")
    code, out, err = _create(world, "1.0.0", *same, digest=OTHER)
    assert (code, out) == (1, "")
    assert "components[app].chart.digest (there sha256:aaa" in err


def test_who_may_not_is_refused_with_the_servers_words(world: World) -> None:
    code, _, err = _create(world, "1.0.1", who="carol")
    assert code == 1
    assert 'User "carol" cannot create resource "releases"' in err
    assert len(err.splitlines()) == 1


def test_what_the_schema_refuses_is_said_in_one_line(world: World) -> None:
    command = ("release", "create", "--application", "a" * 40, "--version", "1.0.0")
    done = world.lockflight("jo", *command, "--component", f"{'b' * 40}=oci://r/c")
    assert done.returncode == 1
    assert "at most 53 characters" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_promotion_is_made_once_and_aborted(world: World) -> None:
    _create(world, "1.1.0")
    assert "payments-1.1.0-uat created" in world.lockflight("jo", "promote", "payments-1.1.0", "uat").stdout
    assert "payments-1.1.0-uat unchanged" in world.lockflight("jo", "promote", "payments-1.1.0", "uat").stdout
    assert "has not looked at it yet" in world.lockflight("jo", "why", "payments-1.1.0-uat").stdout
    assert world.lockflight("jo", "promote", "payments-1.1.0", "uat", "--wait", "--timeout", "0s").returncode == 4
    assert "aborted" in world.lockflight("jo", "abort", "payments-1.1.0-uat").stdout
    board = json.loads(world.lockflight("jo", "board", "-o", "json").stdout)["stacks"][0]
    assert "payments-1.1.0-uat" in [p["name"] for p in board["promotions"]]


def test_approvals_are_appended_for_the_plan_that_was_shown(world: World) -> None:
    _create(world, "1.2.0")
    raise_it = ("change", "create", "--release", "payments-1.2.0", "--environment", "uat", "--title", "Payments 1.2.0")
    made = world.lockflight("jo", *raise_it, "--reason", "Refunds", "--strategy", "Uninstall", "--name", "chg-1")
    assert made.returncode == 0, made.stderr
    early = world.lockflight("alice", "approve", "chg-1", "--role", "cab", "--yes")
    assert (early.returncode, "has no plan to approve" in early.stderr) == (1, True)

    plan = {"observedGeneration": 1, "planDigest": DIGEST, "plans": [{"environment": "uat", "digest": OTHER}]}
    world.observe("lfchg", "chg-1", json.dumps({"status": plan}))
    assert DIGEST in world.lockflight("bob", "diff", "chg-1").stdout
    for person in ("alice", "bob"):
        done = world.lockflight(person, "approve", "chg-1", "--role", "cab", "--yes")
        assert done.returncode == 0, done.stderr
    shown = json.loads(world.lockflight("jo", "diff", "chg-1", "-o", "json").stdout)
    assert [(a["by"], a["generation"], a["planDigest"]) for a in shown["approvals"]] == [
        ("alice", 1, DIGEST),
        ("bob", 1, DIGEST),
    ]
    assert "system:authenticated" in shown["approvals"][0]["groups"]
    refused = world.lockflight("carol", "approve", "chg-1", "--role", "cab", "--yes")
    assert (refused.returncode, "cannot patch" in refused.stderr) == (1, True)


def test_nobody_approves_his_own_change(world: World) -> None:
    raise_it = ("change", "create", "--release", "payments-1.2.0", "--environment", "uat", "--title", "Mine")
    made = world.lockflight("joan", *raise_it, "--reason", "Refunds", "--name", "chg-2")
    assert made.returncode == 0, made.stderr
    plan = {"observedGeneration": 1, "planDigest": DIGEST}
    world.observe("lfchg", "chg-2", json.dumps({"status": plan}))
    refused = world.lockflight("joan", "approve", "chg-2", "--role", "cab", "--yes")
    assert refused.returncode == 1
    assert "four eyes: joan created, requested, submitted or edited this" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_an_edit_by_somebody_else_names_him(world: World) -> None:
    _create(world, "1.6.0")
    assert world.lockflight("joan", "hold", "payments-1.6.0", "triage").returncode == 0
    assert world.status("lfrel", "payments-1.6.0", ".metadata.annotations.lockflight\\.dev/creator") == "jo"
    assert world.status("lfrel", "payments-1.6.0", ".metadata.annotations.lockflight\\.dev/editors") == "joan"


def test_a_sign_off_is_appended(world: World) -> None:
    _create(world, "1.3.0")
    world.lockflight("jo", "promote", "payments-1.3.0", "uat")
    plan = {"digest": DIGEST, "namespace": "payments-uat"}
    status = {"observedGeneration": 1, "phase": "AwaitingSignOff", "plan": plan}
    world.observe("lfpromo", "payments-1.3.0-uat", json.dumps({"status": status}))
    done = world.lockflight("quinn", "sign-off", "payments-1.3.0-uat", "--role", "qa", "--yes")
    assert done.returncode == 0, done.stderr
    assert world.status("lfpromo", "payments-1.3.0-uat", ".status.signOffs[*].by") == "quinn"


def test_a_freeze_is_declared_and_lifted(world: World) -> None:
    command = ("freeze", "now", "--reason", "Sev 1", "--end", "4h", "--time-zone", "UTC", "--name", "f")
    declared = world.lockflight("alice", *command)
    assert declared.returncode == 0, declared.stderr
    assert "lifted" in world.lockflight("alice", "freeze", "lift", "f", "--reason", "over").stdout
    assert world.status("lffw", "f", ".spec.lift.reason") == "over"


def test_a_calendar_is_shown_and_written_for_calendar_programs(world: World) -> None:
    me = world.cluster.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    calendar = {
        "apiVersion": "lockflight.dev/v1alpha1",
        "kind": "ReleaseCalendar",
        "metadata": {"name": "four-weekly", "namespace": STACK, "annotations": {CREATOR_ANNOTATION: me}},
        "spec": {"timeZone": "Europe/Berlin", "sprint": {"start": "2026-11-02"}},
    }
    world.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(calendar))
    month = world.lockflight("jo", "calendar", "2026-12", "--calendar", "four-weekly")
    assert month.stdout.startswith("December 2026, cli, Europe/Berlin\n"), month.stderr
    assert "Train 2026.12 to production" in month.stdout
    feed = world.lockflight("jo", "calendar", "2026-12", "--calendar", "four-weekly", "--ics", "-")
    assert "UID:cli.four-weekly.2026.12.production@lockflight.dev" in feed.stdout
    # The operator's namespace is not for jo to read: said, and no obstacle.
    assert "what lockflight-system has of kind FreezeWindow is left out" in feed.stderr


def test_a_release_is_held_and_goes_on(world: World) -> None:
    _create(world, "1.4.0", "--hold", "triage")
    assert world.status("lfrel", "payments-1.4.0", ".spec.hold.reason") == "triage"
    assert world.lockflight("jo", "unhold", "payments-1.4.0").returncode == 0
    assert world.status("lfrel", "payments-1.4.0", ".spec.hold") == ""


def test_what_does_not_exist_ends_with_3(world: World) -> None:
    done = world.lockflight("jo", "why", "nothing")
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)
    assert 'promotions.lockflight.dev "nothing" not found; check the name and --namespace' in done.stderr


def test_kubectl_finds_it_as_a_plugin(world: World) -> None:
    done = world.kubectl_lockflight("jo", "why", "nothing")
    assert (done.returncode, "check the name" in done.stderr) == (3, True)


def test_acting_as_somebody_takes_the_right_to(world: World) -> None:
    refused = world.lockflight("jo", "board", "--as", "alice")
    assert (refused.returncode, "cannot impersonate" in refused.stderr) == (1, True)
    assert _create(world, "1.5.0", "--as", "jo", who="admin")[0] == 1
    assert world.lockflight("admin", "board", "--as", "jo").returncode == 0
