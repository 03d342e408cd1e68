"""Settings of the operator process: environment variables with the prefix ``LOCKFLIGHT_``, nothing else."""

import re
import secrets
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from lockflight.admission.tokens import Guard

_KEY_BYTES = 32
_REGISTRY = r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$"


def _identity() -> str:
    """Unique per process: two processes on one host never believe that they hold the same Lease."""
    return f"{socket.gethostname()}_{secrets.token_hex(4)}"


class Settings(BaseSettings):
    """What can be set, with unit, default and reason. An unknown or impossible value ends the start with its name."""

    model_config = SettingsConfigDict(env_prefix="LOCKFLIGHT_", frozen=True, env_ignore_empty=True)

    root_namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)] = (
        "lockflight-system"
    )
    """The operator's own namespace: its Lease, organisation-wide freezes and baselines. The chart sets it to where it
    is installed."""

    identity: Annotated[str, Field(min_length=1, max_length=200)] = Field(default_factory=_identity)
    """Holder of the Lease. By default the host name (the pod's, in a cluster) and eight random hexadecimal digits."""

    helm_binary: str = "helm"
    """The helm 4 program, by path or by name on the PATH."""

    cache_dir: Path = Path("/var/cache/lockflight")
    """Folder for charts, by digest, and for Helm's home. It may be lost at any time: charts are pulled again."""

    helm_concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    """Helm actions at a time. Each is a process of about 0.3 s CPU and 100 MiB: more than two a core only queue up."""

    reconcile_concurrency: Annotated[int, Field(ge=1, le=10_000)] = 256
    """Objects worked on at a time. High, because a pass that waits for Helm or for a verification costs nothing."""

    plain_http_registries: Annotated[tuple[str, ...], NoDecode] = ()
    """Registries (``host:port``, comma-separated) that are asked without TLS. For loopback and tests."""

    chart_max_bytes: Annotated[int, Field(ge=1_024)] = 1_048_576
    """Largest chart archive in bytes. Helm keeps chart and values in one Secret, which etcd limits to about 1 MiB."""

    values_max_bytes: Annotated[int, Field(ge=1_024)] = 262_144
    """Largest values of one component in bytes, as canonical JSON; the same reason, and they are part of objects."""

    history_max: Annotated[int, Field(ge=2, le=1_000)] = 10
    """Revisions of a release that Helm keeps. Two is the least that can be rolled back."""

    lease_seconds: Annotated[int, Field(ge=3, le=300)] = 15
    """How long the Lease holds without renewal, in seconds: the pause until a standby takes over after a crash. Short
    ones are lost to a slow API server."""

    http_port: Annotated[int, Field(ge=1, le=65_535)] = 8080
    """Port of /healthz, /readyz and /metrics, on every address of the pod."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level that is logged."""

    resync_seconds: Annotated[float, Field(ge=1, le=86_400)] = 300
    """How often, in seconds, the store is compared with the API server and everything unfinished is looked at again.
    The watches tell sooner; this is the net below them. It costs one list of metadata per kind."""

    plan_retry_seconds: Annotated[float, Field(gt=0, le=3_600)] = 30
    """When to try again, in seconds, what the API server or a registry could not answer."""

    archive: Annotated[str, Field(pattern=r"^(|/.+|s3://[a-z0-9][-a-z0-9.]+(/.*)?)$")] = ""
    """Where audit records are archived: a mounted folder, or ``s3://bucket/prefix``. Empty: nowhere, and all of them
    stay in the cluster."""

    archive_endpoint: str = "https://s3.amazonaws.com"
    """URL of the S3-compatible store."""

    archive_region: str = "us-east-1"
    """Region of the bucket; it is part of every signature."""

    archive_credentials: Path | None = None
    """Folder with the files accessKey and secretKey, a mounted Secret; read for each request, so that they may
    rotate."""

    archive_lock: Literal["Off", "Governance", "Compliance"] = "Off"
    """S3 object lock of what is archived; the bucket must have been made with it."""

    archive_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60
    """How often, in seconds, new records are archived."""

    archive_cluster_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    """How long records stay in the cluster, in days from when they were sealed, where there is an archive."""

    archive_days: Annotated[int, Field(ge=1, le=36_500)] = 2_557
    """How long records stay in the archive, in days; seven years. With object lock the store sees to it."""

    object_days: Annotated[int, Field(ge=0, le=3_650)] = 90
    """How long finished promotions and changes stay in the cluster, in days; 0: for ever."""

    checkpoint_url_file: Path | None = None
    """A file with the URL that signed checkpoints of the audit trail are posted to; a file, for the URL may hold a
    token. None: none are."""

    checkpoint_key_file: Path | None = None
    """An Ed25519 private key, PEM, that signs them; needed where there is a URL."""

    checkpoint_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60
    """How soon, in seconds, a longer chain is told; an unchanged one is told every hour."""

    guard: str = "{}"
    """The chart's values ``guard``, as JSON: which policies must be in force follows from them."""

    secrets_key_file: Path | None = None
    """A file with at least 32 random bytes, the key of the digest of Secret contents that plans record. None: no such
    digest is recorded. Keyed, because a plain digest of a short secret can be guessed."""

    @field_validator("guard")
    @classmethod
    def _guard(cls, value: str) -> str:
        try:
            Guard.model_validate_json(value).known()
        except KeyError as problem:
            msg = f"no such platform: {problem}"
            raise ValueError(msg) from problem
        return value

    @field_validator("secrets_key_file")
    @classmethod
    def _long_enough(cls, value: Path | None) -> Path | None:
        if value is not None and (not value.is_file() or value.stat().st_size < _KEY_BYTES):
            msg = f"{value} is no file of at least {_KEY_BYTES} bytes"
            raise ValueError(msg)
        return value

    @field_validator("plain_http_registries", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("plain_http_registries")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for registry in value:
            if not re.match(_REGISTRY, registry):
                msg = f"{registry!r} is no host:port"
                raise ValueError(msg)
        return value
