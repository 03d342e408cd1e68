"""What is shipped compiles on the oldest server that is supported: the same compiler, told to be that server."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.documents import ROOT

CELCHECK = ROOT / ".tools/bin/celcheck"
OLDEST = "1.30"


def celcheck(server: str, *files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([CELCHECK, "-server", server, *files], capture_output=True, text=True, check=False)


def policy(folder: Path, expression: str) -> Path:
    """A file with a policy of one expression."""
    match = {
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    }
    spec = {"matchConstraints": match, "validations": [{"expression": expression}]}
    obj = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "tried"},
        "spec": spec,
    }
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(obj))
    return path


def test_every_expression_of_policies_and_crds_compiles_on_the_oldest_server() -> None:
    files = [*sorted((ROOT / "manifests/policies/validating").glob("*.yaml")), *sorted((ROOT / "crds").glob("*.yaml"))]
    done = celcheck(OLDEST, *files)
    assert done.returncode == 0, done.stdout
    assert done.stderr.startswith(f"{len(files) - 1} objects compiled"), "all but the kustomization"


@pytest.mark.parametrize(
    ("expression", "since"),
    [
        ("authorizer.group('x').resource('y').fieldSelector('a=b').check('get').allowed()", "1.32"),
        ("{'a': 1}.all(k, v, k == 'a' && v == 1)", "1.33"),
        ("[1, 2].slice(0, 1) == [1]", "1.35"),
    ],
)
def test_an_expression_that_is_too_new_is_noticed(tmp_path: Path, expression: str, since: str) -> None:
    file = policy(tmp_path, expression)
    before = f"1.{int(since.removeprefix('1.')) - 1}"
    assert "tried: validation 0: compilation failed" in celcheck(before, file).stdout
    assert celcheck(since, file).returncode == 0


@pytest.mark.parametrize("expression", ["variables.gone", "object.spec", "1 == 'a'"])
def test_an_expression_that_no_server_takes_is_noticed(tmp_path: Path, expression: str) -> None:
    assert celcheck("1.37", policy(tmp_path, expression)).returncode == 1


def test_a_rule_of_a_crd_that_is_too_new_is_noticed(tmp_path: Path) -> None:
    crd = yaml.safe_load((ROOT / "crds/environments.lockflight.dev.yaml").read_text())
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["x-kubernetes-validations"] = [{"rule": "{'a': 1}.all(k, v, v == 1)"}]
    path = tmp_path / "crd.yaml"
    path.write_text(yaml.safe_dump(crd))
    assert "compilation failed" in celcheck(OLDEST, path).stdout
