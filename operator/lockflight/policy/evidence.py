"""Evidence: whose word on a release counts, and what it says of one type. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Final

from lockflight.api.common import CANARY
from lockflight.api.environment import EnvironmentSpec
from lockflight.api.evidence import PULL_REQUEST, Evidence, EvidenceWord
from lockflight.api.release import Release
from lockflight.policy.approvals import put_forward, wrote
from lockflight.policy.entitlement import ROLES
from lockflight.policy.external import ATTEST, TYPES
from lockflight.policy.rights import Question, Rights
from lockflight.policy.signature import Signature, Signed
from lockflight.policy.signed import holds_until, objection
from lockflight.policy.voices import is_person, same_person

WAIVE: Final = "waive"


@dataclass(frozen=True, slots=True)
class Stands:
    """Where one type of evidence stands. What counts is named; ``ignored`` says of the rest why it does not."""

    kind: str
    passed_by: tuple[str, ...] = ()
    waived_by: str = ""
    """Who waived it, in which role and why."""
    failed_by: str = ""
    final: bool = False
    """It failed in the spec of the release, which nothing changes any more."""
    ignored: tuple[str, ...] = ()
    unsigned: bool = False
    """Somebody entitled says that it passed, and no signature on that counts."""
    until: datetime | None = None
    """When time alone ends what counts now; None: it does not."""

    @property
    def given(self) -> bool:
        """It is there, or not needed."""
        return not self.failed_by and bool(self.passed_by or self.waived_by)

    @property
    def words(self) -> str:
        """What counts, for people."""
        if self.passed_by:
            return f"{self.kind} Passed by {', '.join(self.passed_by)}"
        return f"{self.kind} NotApplicable, waived by {self.waived_by}"


@dataclass(frozen=True, slots=True)
class _Said:
    """One word, of the spec or of status, as it is judged."""

    entry: Evidence | EvidenceWord
    by: str
    groups: tuple[str, ...]

    @property
    def claim(self) -> bool:
        """It stands in the spec: whoever created the release says so."""
        return isinstance(self.entry, Evidence)

    @property
    def who(self) -> str:
        name = self.by or "somebody without a stamped identity"
        return f"{name}, who created the release," if self.claim else name


def wanted(spec: EnvironmentSpec) -> tuple[str, ...]:
    """The types that an environment asks for."""
    return tuple(dict.fromkeys((*(spec.entry.evidence or ()), *(spec.entry.signed or ())))) if spec.entry else ()


def attestations(release: Release, spec: EnvironmentSpec) -> Iterator[str]:
    """What has to be verified to count the evidence of a release for an environment."""
    if spec.entry is None or spec.entry.trust is None:
        return
    for kind in wanted(spec):
        for said in _latest(release, kind):
            if isinstance(said.entry, EvidenceWord) and said.entry.result == "Passed" and said.entry.attestation:
                yield said.entry.attestation


def asked(release: Release, spec: EnvironmentSpec) -> Iterator[Question]:
    """What has to be known to count the evidence of a release for an environment."""
    for kind in wanted(spec):
        for said in _latest(release, kind):
            if said.by and said.entry.result in ("Passed", "NotApplicable"):
                yield from _right(said)


def stands(
    release: Release,
    spec: EnvironmentSpec,
    kind: str,
    rights: Rights,
    signatures: Mapping[str, Signature],
    now: datetime,
) -> Stands:
    """What the words on ``kind`` come to: the latest of each attester holds, and one that failed closes."""
    latest = _latest(release, kind)
    if any(claim.type == kind and claim.result == "Failed" for claim in release.spec.evidence):
        return Stands(kind, failed_by="spec.evidence", final=True)
    if by := failed_by(release, kind):
        return Stands(kind, failed_by=by)
    passed: list[str] = []
    waived: list[str] = []
    ignored: list[str] = []
    ends: list[datetime | None] = []
    unsigned = False
    for said in latest:
        if said.entry.result not in ("Passed", "NotApplicable"):
            continue
        why = _why_not(release, spec, said, rights)
        forged = None if why or said.entry.result != "Passed" else _forged(release, spec, said, signatures, now)
        unsigned = unsigned or forged is not None
        if why or forged:
            ignored.append(f"{said.who} {why or forged}")
        elif isinstance(said.entry, EvidenceWord) and said.entry.result == "NotApplicable":
            waived.append(f"{said.by} as {said.entry.role}: {said.entry.reason}")
        else:
            passed.append(said.by)
            ends.append(_ends(said, kind, signatures, now))
    until = None if waived or None in ends else max((end for end in ends if end is not None), default=None)
    return Stands(
        kind,
        tuple(dict.fromkeys(passed)),
        next(iter(waived), ""),
        ignored=tuple(ignored),
        unsigned=unsigned,
        until=until,
    )


def failed_by(release: Release, kind: str) -> str:
    """Who says, as their latest word on these bytes, that it failed; empty: nobody."""
    if any(claim.type == kind and claim.result == "Failed" for claim in release.spec.evidence):
        return "spec.evidence"
    latest = _latest(release, kind)
    failed = next((said for said in latest if said.entry.result == "Failed" and _bound(release, said)), None)
    return failed.who if failed is not None else ""


def _forged(
    release: Release, spec: EnvironmentSpec, said: _Said, signatures: Mapping[str, Signature], now: datetime
) -> str | None:
    """Why a word counts only signed, and is not; or brings a signature that is none. None: it is fine."""
    entry, rules = said.entry, spec.entry
    given = entry.attestation if isinstance(entry, EvidenceWord) else None
    if given is None:
        return "did not sign it (entry.signed)" if rules and entry.type in (rules.signed or ()) else None
    if rules is None or rules.trust is None:
        return None
    return objection(signatures.get(given), release, entry.type, now)


def _ends(said: _Said, kind: str, signatures: Mapping[str, Signature], now: datetime) -> datetime | None:
    given = said.entry.attestation if isinstance(said.entry, EvidenceWord) else None
    found = signatures.get(given) if given else None
    return holds_until(found, kind, now) if isinstance(found, Signed) else None


def unreviewed(entry: Evidence | EvidenceWord, release: Release) -> str | None:
    """Why a review of the pull request is none: nobody but its authors gave it. None: somebody else did."""
    authors = (*(entry.authors or ()), *(release.spec.source.authors if release.spec.source else ()))
    known = {name for author in authors for name in _names(author)}
    if not entry.reviewers:
        return "names no reviewer"
    if all(known & set(_names(reviewer)) for reviewer in entry.reviewers):
        return f"names no reviewer but its authors: {', '.join(entry.reviewers)}"
    return None


def _names(person: str) -> Iterator[str]:
    """Git writes ``Jo <jo@example>``; a forge knows the same person as one or the other."""
    for alias in (person, *parseaddr(person)):
        if alias:
            yield same_person(alias)


def _latest(release: Release, kind: str) -> Sequence[_Said]:
    """The last word of each attester, the claims of the spec first. Who said nothing signed is nobody's successor."""
    creator = (release.metadata.creator or "", release.metadata.creator_groups)
    words: Iterable[_Said] = (
        *(_Said(claim, *creator) for claim in release.spec.evidence if claim.type == kind),
        *(_Said(word, word.by or "", word.groups) for word in release.status.evidence if word.type == kind),
    )
    found: dict[str, _Said] = {}
    for number, said in enumerate(words):
        key = said.by or f"#{number}"
        found.pop(key, None)
        found[key] = said
    return tuple(found.values())


def _bound(release: Release, said: _Said) -> bool:
    """It speaks of these bytes; the claims of the spec are a part of the same object that never changes."""
    return isinstance(said.entry, Evidence) or (
        release.status.digest is not None and said.entry.release_digest == release.status.digest
    )


def _why_not(release: Release, spec: EnvironmentSpec, said: _Said, rights: Rights) -> str | None:
    entry = said.entry
    if not said.by:
        return "cannot be asked about"
    if not _bound(release, said):
        return "spoke of another digest"
    if entry.type == PULL_REQUEST and entry.result == "Passed" and (why := unreviewed(entry, release)):
        return why
    if isinstance(entry, EvidenceWord) and entry.result == "NotApplicable":
        waivable = (spec.entry.waivable if spec.entry else None) or ()
        barred = _barred(release)
        if entry.type not in waivable:
            return f"waived it, and {entry.type} is not in entry.waivable here"
        if not is_person(said.by):
            return "waived it, and is no person"
        if same_person(said.by) in barred:
            return f"waived it, and is {barred[same_person(said.by)]}"
    held, *wildcards = (rights.may(question) for question in _right(said))
    _, _, verb, resource, name = _wants(said)
    right = f"{verb} on {resource}/{name}"
    if held is None or None in wildcards:
        return f"could not be asked about: {right}"
    if not held:
        return f"holds no {right}"
    return f"holds {right} by a wildcard only" if any(wildcards) else None


def _barred(release: Release) -> Mapping[str, str]:
    return {**wrote(release.metadata, "the release"), **put_forward(release)}


def _wants(said: _Said) -> tuple[str, tuple[str, ...], str, str, str]:
    """Who needs which right to say so: user, groups, verb, resource, name."""
    entry = said.entry
    if isinstance(entry, EvidenceWord) and entry.result == "NotApplicable":
        return said.by, said.groups, WAIVE, ROLES, entry.role or ""
    return said.by, said.groups, ATTEST, TYPES, entry.type


def _right(said: _Said) -> tuple[Question, Question, Question]:
    """The right itself, and two canaries that only the holder of a wildcard passes."""
    user, groups, verb, resource, name = _wants(said)
    return (
        Question(user, groups, verb, resource, name),
        Question(user, groups, CANARY, resource, name),
        Question(user, groups, verb, CANARY, name),
    )
