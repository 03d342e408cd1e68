"""Evidence packs on disk: a folder or a gzipped tar, and the signature over their manifest."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from lockflight.cli.errors import CliError
from lockflight.policy.auditpack import MANIFEST, SIGNATURE

_LARGEST = 512 * 1024 * 1024
"""Bytes that a pack may unfold to: it comes from elsewhere."""


def write(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a pack: a tar where the name ends in .tar.gz or .tgz, else a new folder. Raises CliError."""
    if target.exists():
        msg = f"{target} exists: give a new name, nothing is overwritten"
        raise CliError(msg)
    if target.name.endswith((".tar.gz", ".tgz")):
        target.write_bytes(_tar(files))
        return
    for name, content in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read(source: Path) -> dict[str, bytes]:
    """The files of a pack by their name. Raises CliError."""
    try:
        if source.is_dir():
            paths = sorted(path for path in source.rglob("*") if path.is_file())
            return {path.relative_to(source).as_posix(): path.read_bytes() for path in paths}
        return _untar(source)
    except (OSError, tarfile.TarError, EOFError) as problem:
        msg = f"{source} cannot be read: {problem}"
        raise CliError(msg) from problem


def sign(files: Mapping[str, bytes], key: Path) -> bytes:
    """The signature over the manifest with an Ed25519 private key (PEM, PKCS #8). Raises CliError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        loaded = load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as problem:
        msg = f"{key} is no private key without a password in PEM: openssl genpkey -algorithm ed25519 makes one"
        raise CliError(msg) from problem
    if not isinstance(loaded, Ed25519PrivateKey):
        msg = f"{key} is no Ed25519 key: openssl genpkey -algorithm ed25519 makes one"
        raise CliError(msg)
    return loaded.sign(files[MANIFEST])


def signed_by(files: Mapping[str, bytes], key: Path) -> bool:
    """Whether the manifest's signature is that of an Ed25519 public key (PEM). Raises CliError."""
    return signed(files[MANIFEST], files.get(SIGNATURE, b""), key)


def signed(content: bytes, signature: bytes, key: Path) -> bool:
    """Whether ``signature`` over ``content`` is that of an Ed25519 public key (PEM). Raises CliError."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        loaded = load_pem_public_key(key.read_bytes())
    except (OSError, ValueError) as problem:
        msg = f"{key} is no public key in PEM: openssl pkey -in KEY -pubout makes it from the private one"
        raise CliError(msg) from problem
    if not isinstance(loaded, Ed25519PublicKey):
        msg = f"{key} is no Ed25519 key"
        raise CliError(msg)
    try:
        loaded.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _tar(files: Mapping[str, bytes]) -> bytes:
    """The same files give the same bytes: no times, no owners."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _untar(source: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    with tarfile.open(source, mode="r:gz") as tar:
        for entry in tar:
            total += entry.size
            if total > _LARGEST:
                msg = f"{source} unfolds to more than {_LARGEST // 1024 // 1024} MiB"
                raise CliError(msg)
            content = tar.extractfile(entry) if entry.isfile() else None
            if content is not None:
                files[entry.name.removeprefix("./")] = content.read()
    return files
