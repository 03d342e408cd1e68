"""Dependencies are pinned by hash, audited, and listed: from the lock file, and without building a program."""

import re
import subprocess
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def would_run(target: str) -> str:
    """What make would do."""
    return subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_audit_is_of_what_is_locked_and_fails_for_what_it_cannot_audit() -> None:
    said = would_run("audit")
    assert "--venv-only" in said
    assert "pip_audit --strict --require-hashes" in said
    assert "-r requirements.lock" in said


def test_the_bill_of_materials_is_of_what_is_locked() -> None:
    said = would_run("sbom")
    assert "cyclonedx_py requirements" in said
    assert "-o dist/sbom.cdx.json requirements.lock" in said


def test_ci_does_both_and_looks_again_without_a_change() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/supply-chain.yaml").read_text())
    runs = {step["run"] for step in workflow["jobs"]["dependencies"]["steps"] if "run" in step}
    assert runs == {"make sbom", "make audit"}
    # YAML reads the key `on` as true.
    assert workflow[True]["schedule"]


def test_everything_the_operator_needs_is_locked_by_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for wanted in project["dependencies"]:
        name = re.split(r"[<>=\[ ;]", wanted)[0]
        assert re.search(rf"^{re.escape(name)}==\S+.*\\\n +--hash=sha256:", lock, re.MULTILINE | re.IGNORECASE), name
