"""What ``helm template`` prints is read as Kubernetes programs read it."""

from typing import Any

import pytest

from lockflight.adapters.helm_render import split
from lockflight.ports import RenderError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-12-01", "2026-12-01"),
        ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("1e3", 1000.0),
        ("1.50", 1.5),
        ("0777", 511),
        ("0x1F", 31),
        ("42", 42),
        ("-7", -7),
        ("yes", True),
        ("1.2.3", "1.2.3"),
        ("08", "08"),
        (".inf", ".inf"),
    ],
)
def test_a_plain_scalar_is_what_helm_takes_it_for(text: str, value: Any) -> None:
    (obj,) = split(f"kind: ConfigMap\nfound: {text}\n").objects
    assert obj["found"] == value
    assert type(obj["found"]) is type(value)


@pytest.mark.parametrize(
    ("container", "image"),
    [
        ("{image: before, <<: *one}", "one"),
        ("{<<: *one, image: after}", "after"),
        ("{<<: [*one, *two]}", "one"),
        ("{image: before, <<: [*two, *one]}", "two"),
        ("{<<: {image: deep, <<: *two}}", "two"),
        ("{<<: {<<: *two, image: deep}}", "deep"),
        ("{=: x, image: plain}", "plain"),
    ],
)
def test_a_merge_key_hides_no_image(container: str, image: str) -> None:
    """Expected is what ``kubectl label --local -o json`` makes of it."""
    (obj,) = split(f"kind: Pod\nsome: &one {{image: one}}\nother: &two {{image: two}}\nc: {container}\n").objects
    assert obj["c"]["image"] == image


def test_what_cannot_be_merged_is_refused() -> None:
    with pytest.raises(RenderError, match="merges something that is no mapping"):
        split("kind: Pod\nc: {<<: text}\n")


def test_lists_are_taken_apart_and_empty_documents_left_out() -> None:
    text = "---\n# only a comment\n---\nkind: List\nitems:\n- kind: Secret\n- kind: ConfigMap\n---\nkind: Service\n"
    assert [o["kind"] for o in split(text).objects] == ["Secret", "ConfigMap", "Service"]


@pytest.mark.parametrize(
    ("hook", "test"),
    [("test", True), ("test-success", True), ("pre-install,pre-upgrade", False), ("test,post-install", False)],
)
def test_only_what_runs_as_a_test_alone_is_set_apart(hook: str, test: bool) -> None:
    found = split(f'kind: Job\nmetadata: {{annotations: {{helm.sh/hook: "{hook}"}}}}\n')
    assert (len(found.objects), len(found.hooks)) == ((0, 1) if test else (1, 0))


@pytest.mark.parametrize("text", ["kind: [", "just text", "name: without-kind"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(RenderError, match="renders to"):
        split(text)
