"""The evidence pack: an excerpt of the audit trail that whoever holds it can verify without a cluster. Pure.

A pack is a set of files by name. ``manifest.json`` names every other file by SHA-256 and says where each chain begins
and ends; a signature over it (Ed25519, RFC 8032) covers the pack. Records are one a line, canonical JSON (RFC 8785), so
that a line's hash is that of the record in the cluster.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import rfc8785

from lockflight.api.auditrecord import AuditRecord
from lockflight.policy.audit import Finding, Flaw, Head, head_of, verify

FORMAT: Final = "lockflight.dev/evidence-pack/v1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.json.sig"
REPORT: Final = "report.md"


class InvalidPack(ValueError):  # noqa: N818
    """The files are no evidence pack; the message names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A stack's records in a pack, and the place after which they begin."""

    stack: str
    records: tuple[AuditRecord, ...]
    after: Head

    @property
    def head(self) -> Head:
        """Where they end."""
        return head_of(self.records[-1].spec) if self.records else self.after


def records_file(stack: str) -> str:
    """The name of the file with a stack's records."""
    return f"records/{stack}.jsonl"


def objects_file(stack: str) -> str:
    """The name of the file with a stack's objects as they are in the cluster."""
    return f"objects/{stack}.jsonl"


def pack(
    chains: Mapping[str, Sequence[AuditRecord]],
    objects: Mapping[str, Sequence[Mapping[str, Any]]],
    report: str,
    made_at: datetime,
) -> dict[str, bytes]:
    """The files of a pack, without a signature. Records are given in the order of their chain."""
    files = {REPORT: report.encode()}
    for stack, records in chains.items():
        files[records_file(stack)] = _lines(record.dump() for record in records)
    for stack, found in objects.items():
        files[objects_file(stack)] = _lines(found)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "madeAt": made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "chains": [_place(stack, records) for stack, records in sorted(chains.items()) if records],
        "files": [
            {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in sorted(files.items())
        ],
    }
    return {MANIFEST: rfc8785.dumps(manifest), **files}


def chains_of(files: Mapping[str, bytes]) -> tuple[Chain, ...]:
    """The chains that a pack holds. Raises InvalidPack."""
    found = []
    for place in _manifest(files)["chains"]:
        stack = str(place["stack"])
        name = records_file(stack)
        if name not in files:
            msg = f"{name} is missing"
            raise InvalidPack(msg)
        after = Head(int(place["after"]["sequence"]), str(place["after"]["hash"]))
        found.append(Chain(stack, tuple(_records(name, files[name])), after))
    return tuple(found)


def check(files: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """Every flaw of a pack, but for its signature: files that are not those named, chains that are not whole.

    Raises InvalidPack where there is no manifest to check against.
    """
    return tuple(_flaws(files))


def _flaws(files: Mapping[str, bytes]) -> Iterator[Finding]:
    manifest = _manifest(files)
    named = {str(row["name"]): str(row["sha256"]) for row in manifest["files"]}
    for name in sorted(files.keys() - named.keys() - {MANIFEST, SIGNATURE}):
        yield Finding(Flaw.MISNAMED, name, "the manifest does not name this file")
    for name, digest in sorted(named.items()):
        if name not in files:
            yield Finding(Flaw.GAP, name, "the manifest names this file, and it is missing")
        elif hashlib.sha256(files[name]).hexdigest() != digest:
            yield Finding(Flaw.EDITED, name, f"its SHA-256 is not {digest}")
    ends = {str(place["stack"]): place for place in manifest["chains"]}
    for chain in chains_of(files):
        end = ends[chain.stack]
        until = Head(int(end["head"]["sequence"]), str(end["head"]["hash"]))
        yield from verify(chain.stack, chain.records, after=chain.after, until=until)


def _manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    if MANIFEST not in files:
        msg = f"{MANIFEST} is missing: this is no evidence pack"
        raise InvalidPack(msg)
    try:
        found = json.loads(files[MANIFEST])
        if found["format"] != FORMAT:
            msg = f"{MANIFEST}: format is {found['format']!r}, this program reads {FORMAT}"
            raise InvalidPack(msg)
        for place in found["chains"]:
            for end in ("after", "head"):
                int(place[end]["sequence"]), str(place[end]["hash"])
        [(str(row["name"]), str(row["sha256"])) for row in found["files"]]
    except (ValueError, KeyError, TypeError) as problem:
        if isinstance(problem, InvalidPack):
            raise
        msg = f"{MANIFEST} cannot be read: {problem}"
        raise InvalidPack(msg) from problem
    manifest: dict[str, Any] = found
    return manifest


def _records(name: str, content: bytes) -> Iterator[AuditRecord]:
    for number, line in enumerate(content.splitlines(), 1):
        try:
            yield AuditRecord.model_validate(json.loads(line))
        except ValueError as problem:
            msg = f"{name}, line {number}, is no audit record: {str(problem).splitlines()[0]}"
            raise InvalidPack(msg) from problem


def _place(stack: str, records: Sequence[AuditRecord]) -> dict[str, Any]:
    first, last = records[0].spec, records[-1].spec
    return {
        "stack": stack,
        "records": len(records),
        "after": {"sequence": first.sequence - 1, "hash": first.previous},
        "head": {"sequence": last.sequence, "hash": last.hash},
    }


def _lines(objects: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(rfc8785.dumps(dict(obj)) + b"\n" for obj in objects)
