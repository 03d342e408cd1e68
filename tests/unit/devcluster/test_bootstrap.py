"""The bootstrap reads versions out of go.mod, and the lock files hold hashes and no address."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "tools" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_pinned_program_is_built_and_no_other(bootstrap: ModuleType) -> None:
    pinned = re.findall(r'_ "(\S+)"', (ROOT / "tools" / "tools.go").read_text())
    ours = {f"./{path.parent.name}" for path in (ROOT / "tools").glob("*/main.go")}
    assert sorted(bootstrap.PROGRAMS.values()) == sorted({*pinned, *ours})


def test_a_program_of_ours_is_built_again_when_its_source_changes(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tools/mine").mkdir(parents=True)
    source = tmp_path / "tools/mine/main.go"
    source.write_text("package main\n")
    for name in ("go.mod", "go.sum"):
        (tmp_path / "tools" / name).write_text((ROOT / "tools" / name).read_text())
    built: list[str] = []

    class Step(bootstrap.Step):  # type: ignore[name-defined,misc]
        def run(self, argv: list[str], **_: object) -> None:
            built.append(argv[-1])
            Path(argv[-2]).touch()

    monkeypatch.setattr(bootstrap, "GO_MOD", tmp_path / "tools/go.mod")
    monkeypatch.setattr(bootstrap, "PROGRAMS", {"mine": "./mine"})
    monkeypatch.setattr(bootstrap, "Step", Step)
    monkeypatch.setattr(bootstrap, "find_go", lambda _: Path("go"))
    for _ in range(2):
        bootstrap.build_programs(["mine"], tmp_path / "bin")
    assert built == ["./mine"]
    source.write_text("package main // changed\n")
    bootstrap.build_programs(["mine"], tmp_path / "bin")
    assert built == ["./mine", "./mine"]


def test_programs_are_told_the_versions_that_go_mod_requires(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go_mod = tmp_path / "go.mod"
    go_mod.write_text("go 1.30.1\n\nrequire (\n\thelm.sh/helm/v4 v4.9.2\n\tk8s.io/kubernetes v1.41.7\n)\n")
    monkeypatch.setattr(bootstrap, "GO_MOD", go_mod)
    modules = bootstrap.required_modules()
    flags = bootstrap.version_flags(modules)
    assert modules["go"] == "1.30.1"
    assert "-X k8s.io/component-base/version.gitVersion=v1.41.7" in flags
    assert "-X k8s.io/client-go/pkg/version.gitMinor=41" in flags
    assert "-X helm.sh/helm/v4/internal/version.version=v4.9.2" in flags


@pytest.mark.parametrize(
    ("version", "enough"), [("go1.26.0", True), ("go1.27", True), ("go1.26.8", True), ("go1.25.9", False), ("", False)]
)
def test_a_go_older_than_go_mod_asks_for_is_not_used(bootstrap: ModuleType, version: str, *, enough: bool) -> None:
    assert (bootstrap.numbers(version) >= bootstrap.numbers("1.26.0")) is enough


def test_a_failing_step_shows_the_end_of_its_output(bootstrap: ModuleType) -> None:
    with pytest.raises(bootstrap.BootstrapError, match=r"failed with exit code 3: sh -c(.|\n)*cannot find it"):
        bootstrap.Step("[1/1]", "thing").run(["sh", "-c", "echo cannot find it; exit 3"])


@pytest.mark.parametrize("lock", ["requirements.lock", "tools/go.lock"])
def test_lock_files_pin_by_hash_and_hold_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pins = re.findall(r"^[a-z0-9].*==.*?$(?:\n    --hash=.*$)*", text, re.MULTILINE | re.IGNORECASE)
    assert pins
    assert all("--hash=sha256:" in pin for pin in pins)
    assert "://" not in text
    assert "--index" not in text
