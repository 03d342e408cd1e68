"""What an environment gives: a Job with its log, the word of others, sign-offs; and what it gave and lost again."""

from tests.e2e.stack import IMAGE, Stack

REGRESSION = {
    "name": "regression",
    "job": {
        "timeout": "2m",
        "template": {
            "spec": {
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [{"name": "tests", "image": IMAGE, "command": ["true"]}],
                    }
                }
            }
        },
    },
}
PEN_TEST = {"name": "pen-test", "external": {"role": "security", "timeout": "1h"}}
ENVIRONMENTS = [
    {
        "name": "system-test",
        "tier": "SystemTest",
        "spec": {
            "promotesFrom": [],
            "autoPromote": False,
            "exit": {"verification": [REGRESSION, PEN_TEST], "signOffs": [{"role": "qa", "count": 1}]},
        },
    },
    {"name": "uat", "tier": "UAT", "spec": {"promotesFrom": ["system-test"], "autoPromote": False}},
]


def test_a_job_others_and_sign_offs_let_a_release_on_until_one_is_taken_back(stack: Stack) -> None:
    stack.install(ENVIRONMENTS, people={"attesters": {"security": [{"kind": "User", "name": "petra"}]}})
    release = stack.release("1.0.0")
    below = stack.promote(release, "system-test")

    status = stack.reaches(below, "AwaitingVerification")
    (job, pen_test) = status["verification"]
    assert (job["name"], job["state"]) == ("regression", "Passed")
    assert job["log"]
    assert pen_test["state"] != "Passed"
    shown = stack.lockflight("env", "show", "system-test", "--release", release, person="jo")
    assert "pen-test" in shown.stdout, shown.stderr

    said = stack.lockflight("attest", below, "pen-test", "--role", "security", "--result", "Passed", person="petra")
    assert said.returncode == 0, said.stderr
    stack.reaches(below, "AwaitingSignOff")
    stack.sign("quinn", below, "qa")
    stack.reaches(below, "Succeeded")

    above = stack.promote(release, "uat")
    stack.reaches(above, "AwaitingSignOff")
    taken = stack.lockflight("sign-off", below, "--role", "qa", "--withdraw", "--yes", person="quinn")
    assert taken.returncode == 0, taken.stderr
    assert "quinn" in stack.becomes("lfenv", "uat", "UpstreamWithdrawn", "WithdrawnUpstream")

    again = stack.promote(release, "uat", name=f"{release}-uat-again")
    assert "quinn" in stack.says(again, "Order", "WithdrawnUpstream")
