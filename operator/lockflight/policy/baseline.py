"""Which revisions of Helm's are what Lockflight last put into a target."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lockflight.api.promotion import Promotion
from lockflight.policy.model import HelmStatus, Revision

_LONGEST: Final = 1024


@dataclass(frozen=True, slots=True)
class Baseline:
    """One Helm release: its newest revision, and the newest that a promotion is known to have made.

    They are the same one unless somebody else acted on it since.
    """

    newest: Revision
    promoted: Revision


@dataclass(frozen=True, slots=True)
class Baselines:
    """What a target is compared with."""

    releases: tuple[Baseline, ...] = ()
    unfinished: tuple[str, ...] = ()
    """Helm releases whose newest revision is not deployed."""
    missing: tuple[str, ...] = ()
    """Helm releases that were promoted and that Helm does not know any more."""
    foreign: tuple[Revision, ...] = ()
    """Newest revisions of such Helm releases of which none is Lockflight's any more."""


def baselines(
    revisions: Sequence[Revision], promotions: Iterable[Promotion], expected: Collection[str] = ()
) -> Baselines:
    """``promotions`` are those into the target; ``expected`` the Helm releases that the last of them brought.

    What Lockflight never touched is left out.
    """
    made = _made(promotions)
    found: list[Baseline] = []
    unfinished: list[str] = []
    names = {r.helm_release for r in revisions if r.promotion_uid}
    for name in sorted(names):
        history = sorted((r for r in revisions if r.helm_release == name), key=lambda r: r.revision)
        newest = history[-1]
        # Installed anew by hand it counts from 1 again, without our labels.
        ours = [r for r in history if r.promotion_uid and r.revision in made.get(name, ())]
        last = ours[-1] if ours else newest
        if newest.status is HelmStatus.DEPLOYED:
            found.append(Baseline(newest, last))
        elif last != newest and last.status in (HelmStatus.DEPLOYED, HelmStatus.SUPERSEDED):
            # Somebody else's action, or a putting back, that did not end well: what was promoted still counts.
            found.append(Baseline(last, last))
        else:
            unfinished.append(name)
    others = {r.helm_release for r in revisions} - names
    gone = sorted(set(expected) - names - others)
    newest_of = {r.helm_release: r for r in sorted(revisions, key=lambda r: r.revision)}
    foreign = tuple(newest_of[name] for name in sorted(set(expected) & others))
    return Baselines(tuple(found), tuple(unfinished), tuple(gone), foreign)


def named(revisions: Sequence[Revision]) -> str:
    """The newest revision of each of Lockflight's Helm releases, as short text; empty where there is none."""
    newest: dict[str, int] = {}
    for revision in revisions:
        newest[revision.helm_release] = max(revision.revision, newest.get(revision.helm_release, 0))
    ours = {r.helm_release for r in revisions if r.promotion_uid}
    text = ",".join(f"{name}:{number}" for name, number in sorted(newest.items()) if name in ours)
    return text if len(text) <= _LONGEST else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _made(promotions: Iterable[Promotion]) -> Mapping[str, set[int]]:
    made: dict[str, set[int]] = {}
    for promotion in promotions:
        for row in promotion.status.components:
            if row.revision:
                made.setdefault(row.helm_release, set()).add(row.revision)
    return made
