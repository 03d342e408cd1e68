"""Logs: one JSON object a line, key=value for people, kopf's among them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from lockflight import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_a_json_object_with_time_level_and_what_it_is_about() -> None:
    stream = io.StringIO()
    logs.configure("info", stream)
    structlog.get_logger().info("listed", objects=3)
    (line,) = lines(stream)
    assert (line["message"], line["level"], line["objects"]) == ("listed", "info", 3)
    assert str(line["time"]).endswith("Z")


def test_a_terminal_gets_key_value() -> None:
    stream = Terminal()
    logs.configure("info", stream)
    structlog.get_logger().info("listed", objects=3)
    assert "level='info' event='listed'" in stream.getvalue()
    assert "objects=3" in stream.getvalue()


def test_what_is_below_the_level_is_not_said() -> None:
    stream = io.StringIO()
    logs.configure("warning", stream)
    structlog.get_logger().info("listed")
    assert stream.getvalue() == ""


def test_a_traceback_is_part_of_its_line() -> None:
    stream = io.StringIO()
    logs.configure("info", stream)
    try:
        raise ValueError("defect")
    except ValueError as problem:
        structlog.get_logger().error("a pass failed", exc_info=problem)
    (line,) = lines(stream)
    assert "ValueError: defect" in str(line["exception"])


def test_kopf_goes_the_same_way_with_the_object_it_speaks_of() -> None:
    stream = io.StringIO()
    logs.configure("info", stream)
    reference = {"kind": "Promotion", "namespace": "payments", "name": "p1"}
    logging.getLogger("kopf.objects").warning("odd", extra={"k8s_ref": reference})
    (line,) = lines(stream)
    assert (line["message"], line["key"], line["logger"]) == ("odd", "Promotion payments/p1", "kopf.objects")


def test_kopf_tells_of_every_event_only_where_asked() -> None:
    for level, said in (("info", 0), ("debug", 1)):
        stream = io.StringIO()
        logs.configure(level, stream)
        logging.getLogger("kopf.objects").info("Handler 'promotions' succeeded.")
        assert len(stream.getvalue().splitlines()) == said


def test_what_a_pass_is_about_is_on_every_line_of_it() -> None:
    stream = io.StringIO()
    logs.configure("info", stream)
    with structlog.contextvars.bound_contextvars(key="Promotion payments/p1"):
        structlog.get_logger().info("waiting")
    assert lines(stream)[0]["key"] == "Promotion payments/p1"
