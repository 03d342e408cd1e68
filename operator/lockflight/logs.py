"""Structured logs: JSON lines, or key=value on a terminal. Standard logging, kopf's included, goes the same way."""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# Below warnings kopf tells of every event of every object, and aiohttp of every probe.
_QUIET = ("kopf", "aiohttp.access", "asyncio", "kubernetes")


def configure(level: str, stream: TextIO = sys.stderr) -> None:
    """Send everything at ``level`` (debug, info, warning, error) and above to ``stream``; may be called again."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _named_object],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(stream)],
        )
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=number, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else max(number, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _rendering(stream: TextIO) -> list[Processor]:
    if stream.isatty():
        return [
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["time", "level", "event"]),
        ]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(sort_keys=True),
    ]


def _named_object(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What kopf says about an object carries its reference in the record."""
    reference = getattr(event.get("_record"), "k8s_ref", None)
    if isinstance(reference, dict):
        event["key"] = f"{reference.get('kind')} {reference.get('namespace')}/{reference.get('name')}"
    return event
