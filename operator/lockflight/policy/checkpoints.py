"""Checkpoints: how long every chain was at a time, and its hash, signed and kept outside the cluster. Pure.

What a chain cannot show by itself is that its end was cut off and written anew. Whoever holds a checkpoint can.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import rfc8785

from lockflight.policy.audit import Head

FORMAT: Final = "lockflight.dev/checkpoint/v1"


class InvalidCheckpoint(ValueError):  # noqa: N818
    """The text is no checkpoint; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The heads of all chains at a time."""

    at: str
    heads: Mapping[str, Head]
    signed: bytes
    """What the signature is over: canonical JSON (RFC 8785)."""
    signature: bytes


def body(heads: Mapping[str, Head], root: str, now: datetime) -> dict[str, Any]:
    """What is signed: the heads of an operator's chains; ``root`` is its namespace."""
    return {
        "format": FORMAT,
        "at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "root": root,
        "chains": [
            {"stack": stack, "sequence": head.sequence, "hash": head.hash} for stack, head in sorted(heads.items())
        ],
    }


def canonical(content: Mapping[str, Any]) -> bytes:
    """The bytes that are signed."""
    return rfc8785.dumps(dict(content))


def text(content: Mapping[str, Any], signature: bytes) -> bytes:
    """The checkpoint as it is posted and kept: one line of JSON."""
    return rfc8785.dumps({"checkpoint": dict(content), "signature": base64.b64encode(signature).decode()}) + b"\n"


def parse(content: bytes) -> Checkpoint:
    """Read what ``text`` wrote. Raises InvalidCheckpoint."""
    try:
        found = json.loads(content)
        inner = found["checkpoint"]
        if inner["format"] != FORMAT:
            msg = f"its format is {inner['format']!r}, this program reads {FORMAT}"
            raise InvalidCheckpoint(msg)
        heads = {str(row["stack"]): Head(int(row["sequence"]), str(row["hash"])) for row in inner["chains"]}
        signature = base64.b64decode(found["signature"], validate=True)
        return Checkpoint(str(inner["at"]), heads, canonical(inner), signature)
    except (ValueError, KeyError, TypeError, binascii.Error, rfc8785.CanonicalizationError) as problem:
        if isinstance(problem, InvalidCheckpoint):
            raise
        msg = f"this is no checkpoint: {type(problem).__name__} {problem}"
        raise InvalidCheckpoint(msg) from problem
