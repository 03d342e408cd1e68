"""What is made of what pods write, and why a pod does not start."""

from typing import Any

import pytest

from lockflight.adapters.pod_logs import readable, stuck


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"one\ntwo\n", "one\ntwo"),
        (b"\x1b[31mred\x1b[0m\r\n\ttab\x00\x07", "red\n\ttab"),
        (b"caf\xc3\xa9 \xff", "caf\u00e9 \ufffd"),
        (b"\x1b]0;title\x07rest", "]0;titlerest"),
        (b"", ""),
    ],
)
def test_a_log_is_kept_as_plain_text(raw: bytes, text: str) -> None:
    assert readable(raw) == text


def pod(reason: str | None, message: str = "", kind: str = "containerStatuses") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}} if reason else {"running": {}}
    return {"status": {kind: [{"name": "check", "image": "registry.example/no", "state": state}]}}


@pytest.mark.parametrize(
    ("found", "hopeless"),
    [
        (pod("InvalidImageName"), True),
        (pod("ErrImageNeverPull"), True),
        (pod("ErrImagePull"), False),
        (pod("ImagePullBackOff", kind="initContainerStatuses"), False),
        (pod("CreateContainerConfigError"), False),
    ],
)
def test_what_keeps_a_pod_from_starting_is_named(found: dict[str, Any], hopeless: bool) -> None:
    words, over = stuck([{}, found]) or ("", None)
    assert words.startswith("container check cannot start: ")
    assert over is hopeless


@pytest.mark.parametrize("found", [{}, {"status": {}}, pod(None), pod("ContainerCreating"), pod("PodInitializing")])
def test_a_pod_that_is_on_its_way_is_let_be(found: dict[str, Any]) -> None:
    assert stuck([found]) is None


def test_what_the_node_says_is_bounded() -> None:
    words, _ = stuck([pod("ErrImagePull", "x\n" * 10_000)]) or ("", None)
    assert len(words) < 600
    assert "\n" not in words
