"""A signed attestation on disk, a DSSE envelope or a Sigstore bundle: read to send it, verified by the operator."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockflight.api.evidence import MOST_SIGNED
from lockflight.cli.errors import CliError


@dataclass(frozen=True, slots=True)
class Attestation:
    """Its text, and what it says unverified: type and result where the statement names one."""

    text: str
    kind: str | None
    result: str


def read_attestation(path: Path, kind: str | None) -> Attestation:
    """The attestation, of the type ``kind`` where the statement names several. Raises CliError."""
    try:
        return _read(path, kind)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        words = (
            str(problem) if isinstance(problem, OSError | _UnfitError) else "it is no DSSE envelope or Sigstore bundle"
        )
        msg = f"{path}: {words}"
        raise CliError(msg) from problem


class _UnfitError(ValueError):
    """It is one, and of no use."""


def _read(path: Path, kind: str | None) -> Attestation:
    from lockflight.policy.signed import says

    # Layout costs nothing here; what is sent is bounded again below.
    with path.open("rb") as file:
        data = file.read(8 * MOST_SIGNED + 1)
    if len(data) > 8 * MOST_SIGNED:
        raise _UnfitError(_too_large(len(data)))
    document: Any = json.loads(data)
    text = json.dumps(document, separators=(",", ":"))
    if len(text) > MOST_SIGNED:
        raise _UnfitError(_too_large(len(text)))
    envelope = document.get("dsseEnvelope") or document
    payload = base64.b64decode(envelope["payload"].replace("-", "+").replace("_", "/"))
    try:
        result, names = says(payload)
    except ValueError as problem:
        msg = f"it holds no in-toto test-result statement: {problem}"
        raise _UnfitError(msg) from problem
    if kind is not None and kind not in names:
        msg = f"its statement is about {', '.join(names) or 'nothing'} (predicate.configuration), not {kind}"
        raise _UnfitError(msg)
    if kind is None and len(names) != 1:
        msg = f"its statement is about {', '.join(names)}: say which with --type"
        raise _UnfitError(msg)
    if result == "WARNED":
        msg = "its result is WARNED, which is neither passed nor failed"
        raise _UnfitError(msg)
    return Attestation(text, kind or names[0], "Passed" if result == "PASSED" else "Failed")


def _too_large(size: int) -> str:
    return f"it has {size} characters, at most {MOST_SIGNED} are taken: leave the names of single tests out"
