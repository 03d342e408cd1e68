"""What is generated is up to date, and says so when it is not."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from lockflight.admission.__main__ import main
from lockflight.api.environment import Environment
from lockflight.api.kinds import BY_NAME
from lockflight.policy.effective import effective

from .helm import ROOT, template

KUBECTL = ROOT / ".tools/bin/kubectl"


def generate(root: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["--root", str(root), *options])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what is generated, and of what it is generated from."""
    for folder in ("crds", "charts", "manifests"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / ".tools").symlink_to(ROOT / ".tools")
    generate(tmp_path)
    return tmp_path


def test_the_checkout_is_up_to_date() -> None:
    result = generate(ROOT, "--check")
    assert result.exit_code == 0, result.output


EDITED = (
    "manifests/policies/validating/status.yaml",
    "charts/lockflight/files/policies/status.yaml",
    "charts/lockflight/files/crds/releases.lockflight.dev.yaml",
    "manifests/install/operator.yaml",
    "manifests/examples/stack/stack.yaml",
    "manifests/examples/regulated-bank/stack/stack.yaml",
)


def test_files_edited_by_hand_are_named_and_written_again(checkout: Path) -> None:
    before = {name: (checkout / name).read_text() for name in EDITED}
    for name, text in before.items():
        (checkout / name).write_text(text + "# edited\n")

    refused = generate(checkout, "--check")
    assert refused.exit_code == 1
    assert f"out of date: {', '.join(sorted(EDITED))}; run python -m lockflight.admission" in refused.output
    assert generate(checkout).exit_code == 0
    assert {name: (checkout / name).read_text() for name in EDITED} == before


def test_a_file_that_nothing_generates_any_more_goes(checkout: Path) -> None:
    left = checkout / "charts/lockflight/files/policies/old.yaml"
    left.write_text("{}\n")
    assert "files/policies/old.yaml" in generate(checkout, "--check").output
    assert generate(checkout).exit_code == 0
    assert not left.exists()


def test_a_changed_crd_is_noticed(checkout: Path) -> None:
    with (checkout / "crds/releases.lockflight.dev.yaml").open("a") as crd:
        crd.write("# changed\n")
    assert "manifests/crds/releases.lockflight.dev.yaml" in generate(checkout, "--check").output


def test_chart_and_kustomize_install_the_same() -> None:
    installed = {(o["kind"], o["metadata"]["name"]) for o in kustomize("install")}
    assert installed == {(o["kind"], o["metadata"]["name"]) for o in template("lockflight")} | {
        ("Namespace", "lockflight-system")
    }


def kustomize(folder: str) -> list[dict[str, Any]]:
    text = subprocess.run(
        [str(KUBECTL), "kustomize", str(ROOT / "manifests" / folder)], capture_output=True, text=True, check=True
    ).stdout
    return [obj for obj in yaml.safe_load_all(text) if obj]


def test_the_examples_are_what_the_models_and_the_floors_accept() -> None:
    ours = _ours("examples")
    kinds = sorted({BY_NAME[obj["kind"]].model.model_validate(obj).kind for obj in ours})
    assert kinds == ["ChangeRequest", "Environment", "FreezeWindow", "Release", "ReleaseCalendar"]
    environments = [Environment.model_validate(obj) for obj in ours if obj["kind"] == "Environment"]
    assert [p for e in environments for p in effective(e, None, environments).problems] == []


def test_the_regulated_bank_uses_every_kind_that_people_write_and_stays_above_its_baselines() -> None:
    ours = _ours("examples/regulated-bank")
    kinds = {BY_NAME[obj["kind"]].model.model_validate(obj).kind for obj in ours}
    assert kinds == set(BY_NAME) - {"AuditRecord"}
    environments = [Environment.model_validate(obj) for obj in ours if obj["kind"] == "Environment"]
    baselines = {e.spec.tier: e for e in environments if e.metadata.namespace == "lockflight-system"}
    stack = [e for e in environments if e.metadata.namespace == "payments"]
    assert [p for e in stack for p in effective(e, baselines.get(e.spec.tier), stack).problems] == []
    changes = [obj["spec"] for obj in ours if obj["kind"] == "ChangeRequest"]
    assert {change["type"] for change in changes} == {"Standard", "Normal", "Emergency"}
    assert {"activity", "hotfix", "releases", "freezeOverride"} <= {key for change in changes for key in change}
    releases = [obj["spec"] for obj in ours if obj["kind"] == "Release"]
    assert {release.get("type", "Scheduled") for release in releases} == {"Scheduled", "Hotfix", "Config"}


def _ours(folder: str) -> list[dict[str, Any]]:
    assert kustomize(folder)
    files = [
        path
        for path in (ROOT / "manifests" / folder).rglob("*.yaml")
        if "values" not in path.name and (folder != "examples" or "regulated-bank" not in path.parts)
    ]
    objects = [obj for path in files for obj in yaml.safe_load_all(path.read_text())]
    return [obj for obj in objects if obj.get("apiVersion") == "lockflight.dev/v1alpha1"]
