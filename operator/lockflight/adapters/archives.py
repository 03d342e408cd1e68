"""Which archive a place is: a folder or a bucket."""

from pathlib import Path
from urllib.parse import urlsplit

from lockflight.adapters.archive_folder import FolderArchive
from lockflight.ports import Archive

AWS = "https://s3.amazonaws.com"


def opened(
    place: str, *, endpoint: str = AWS, region: str = "us-east-1", credentials: Path | None = None, lock: str = "Off"
) -> Archive:
    """The archive at ``place``: a folder's path, or s3://bucket/prefix with a folder that holds its keys.

    Raises ValueError where it is none of these, or the library for S3 is not installed.
    """
    if not place.startswith("s3://"):
        return FolderArchive(Path(place))
    parts = urlsplit(place)
    if credentials is None:
        msg = f"{place}: give the folder that holds accessKey and secretKey"
        raise ValueError(msg)
    try:
        from lockflight.adapters.archive_s3 import S3Archive
    except ImportError as problem:
        msg = f"{place}: the library for S3 is missing: pip install 'lockflight[s3]'"
        raise ValueError(msg) from problem
    if lock not in ("Off", "Governance", "Compliance"):
        msg = f"{lock}: the lock is Off, Governance or Compliance"
        raise ValueError(msg)
    return S3Archive(endpoint, region, parts.netloc, parts.path, credentials, lock)  # type: ignore[arg-type]
