"""Who signed an attestation, as far as the environment trusts them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody whom the environment trusts, and who did sign."""

    name: str
    types: tuple[str, ...] | None = None
    """The evidence types that count from them; None: any."""
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """A payload whose signature holds, and all trusted signers of it."""

    payload_type: str
    payload: bytes
    signers: tuple[Signer, ...]


@dataclass(frozen=True, slots=True)
class Unsigned:
    """No signature on it counts, and why."""

    why: str


Signature = Signed | Unsigned
