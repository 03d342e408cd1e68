"""Whose signatures count where a stack and its baseline both say so: those that both name."""

from collections.abc import Callable

from lockflight.api.trust import Trust


def narrower(mine: Trust | None, base: Trust | None, refuse: Callable[[str, object, str], None]) -> Trust | None:
    """``mine``, which names nobody whom ``base`` does not; else the field is refused, and ``base`` counts."""
    if mine is None or base is None:
        return mine or base
    wider = [key.name for key in mine.keys if key not in base.keys]
    if wider:
        refuse("entry.trust.keys", ", ".join(wider), "keys of the baseline, as they stand there")
    if mine.sigstore is not None:
        theirs = base.sigstore
        if theirs is None or mine.sigstore.trusted_root != theirs.trusted_root:
            refuse("entry.trust.sigstore.trustedRoot", "another one", "the baseline's")
            wider.append("sigstore")
        elif any(one not in theirs.identities for one in mine.sigstore.identities):
            refuse("entry.trust.sigstore.identities", "wider", "identities of the baseline, as they stand there")
            wider.append("sigstore")
    return base if wider else mine
