"""Trust: whose signatures on evidence count in an environment."""

from typing import Annotated

from pydantic import Field

from lockflight.api.common import SET, Cel, Label, Schema, Time, keyed, rules

_TYPES = Annotated[tuple[Label, ...], Field(min_length=1, max_length=16, json_schema_extra=SET)]


class TrustedKey(Schema):
    """A public key that signs evidence."""

    name: Label = Field(description="Its name in messages.")
    pem: Annotated[
        str,
        Field(pattern=r"^-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+-----END PUBLIC KEY-----\s*$", max_length=1024),
    ] = Field(description="Ed25519 or ECDSA (P-256, P-384, P-521), as PEM.")
    types: _TYPES | None = Field(None, description="The evidence types that it signs. Default: any.")
    not_after: Time | None = Field(None, description="From then on nothing that it signed counts, whenever that was.")


class SignerIdentity(Schema):
    """Somebody with a Sigstore certificate; both fields are compared as they stand."""

    issuer: Annotated[str, Field(pattern=r"^https://\S+$", max_length=512)] = Field(
        description="The issuer of the identity, such as https://token.actions.githubusercontent.com."
    )
    subject: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="The certificate's subject alternative name: a workflow's URL, or an e-mail address."
    )
    types: _TYPES | None = Field(None, description="The evidence types that it signs. Default: any.")


class SigstoreTrust(Schema):
    """A Sigstore instance, public or your own, and who of those it vouches for counts. Nothing is fetched."""

    trusted_root: Annotated[str, Field(min_length=2, max_length=32768)] = Field(
        description="trusted_root.json: the certificate authorities, transparency logs and timestamp authorities."
    )
    identities: Annotated[tuple[SignerIdentity, ...], Field(min_length=1, max_length=16)]


class Trust(Schema):
    """Whose signatures count."""

    model_config = rules(
        Cel(
            "has(self.keys) && size(self.keys) > 0 || has(self.sigstore)",
            "trust names whose signatures count: keys, or sigstore",
        )
    )

    keys: Annotated[tuple[TrustedKey, ...], Field(max_length=16, json_schema_extra=keyed("name"))] = ()
    sigstore: SigstoreTrust | None = None
