"""Settings come from the environment, and impossible ones end the start by name."""

import ast
import inspect
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from lockflight import main, settings
from lockflight.assets import asset
from lockflight.settings import Settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LOCKFLIGHT_{name.upper()}", raising=False)


def test_defaults_are_usable_as_they_are() -> None:
    found = Settings()
    assert found.root_namespace == "lockflight-system"
    assert found.cache_dir == Path("/var/cache/lockflight")
    assert found.plain_http_registries == ()


def test_two_processes_on_one_host_have_different_identities() -> None:
    assert Settings().identity != Settings().identity


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKFLIGHT_HELM_CONCURRENCY", "8")
    monkeypatch.setenv("LOCKFLIGHT_PLAIN_HTTP_REGISTRIES", "127.0.0.1:5000, registry.local")
    found = Settings()
    assert found.helm_concurrency == 8
    assert found.plain_http_registries == ("127.0.0.1:5000", "registry.local")


def test_an_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKFLIGHT_PLAIN_HTTP_REGISTRIES", "")
    monkeypatch.setenv("LOCKFLIGHT_IDENTITY", "")
    assert Settings().plain_http_registries == ()
    assert Settings().identity


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HELM_CONCURRENCY", "0"),
        ("HISTORY_MAX", "1"),
        ("LEASE_SECONDS", "1"),
        ("RESYNC_SECONDS", "soon"),
        ("LOG_LEVEL", "loud"),
        ("HTTP_PORT", "70000"),
        ("ROOT_NAMESPACE", "No Namespace"),
        ("PLAIN_HTTP_REGISTRIES", "http://charts.example/"),
    ],
)
def test_an_impossible_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(f"LOCKFLIGHT_{name}", value)
    with pytest.raises(ValidationError):
        Settings()
    assert main.main() == 2
    assert name.lower() in capsys.readouterr().err


def test_every_setting_is_documented() -> None:
    (cls,) = (node for node in ast.parse(inspect.getsource(settings)).body if isinstance(node, ast.ClassDef))
    documented = {
        before.target.id
        for before, after in zip(cls.body, cls.body[1:], strict=False)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }
    assert documented == Settings.model_fields.keys()


def test_the_chart_sets_only_what_exists() -> None:
    text = (Path(str(asset("charts/lockflight"))) / "templates" / "deployment.yaml").read_text()
    named = {
        item["name"].removeprefix("LOCKFLIGHT_").lower()
        for line in text.splitlines()
        if "name: LOCKFLIGHT_" in line
        for item in yaml.safe_load(line.split(", value:")[0].strip() + "}")
    }
    assert named
    assert named <= Settings.model_fields.keys()


def test_a_key_for_the_secrets_digest_must_be_long_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "key"
    monkeypatch.setenv("LOCKFLIGHT_SECRETS_KEY_FILE", str(key))
    key.write_bytes(b"x" * 31)
    with pytest.raises(ValidationError, match="32 bytes"):
        Settings()
    key.write_bytes(b"x" * 32)
    assert Settings().secrets_key_file == key
