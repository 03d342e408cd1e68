"""A checkpoint arrives as it was signed, over real HTTP."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from lockflight.adapters.checkpoints import SignedWebhook
from lockflight.cli.packfiles import signed
from lockflight.policy.checkpoints import parse
from lockflight.ports import RefusedError, UnreachableError

CONTENT = {"format": "lockflight.dev/checkpoint/v1", "at": "2026-12-01T00:00:00Z", "root": "r", "chains": []}


@pytest.fixture
def key(tmp_path: Path) -> Path:
    made = Ed25519PrivateKey.generate()
    path = tmp_path / "key"
    path.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public").write_bytes(public)
    return path


class Receiver:
    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.status = 204
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.got.append(await request.read())
        return web.Response(status=self.status, headers={"Location": self.url} if self.status == 302 else {})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made, app = Receiver(), web.Application()
    app.router.add_post("/{any}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook-s3cret"
    yield made
    await runner.cleanup()


async def test_it_verifies_with_the_public_key_and_not_when_it_was_changed(receiver: Receiver, key: Path) -> None:
    await SignedWebhook(receiver.url, key).post(CONTENT)
    (got,) = receiver.got
    found = parse(got)
    assert signed(found.signed, found.signature, key.parent / "public")
    changed = json.loads(got)
    changed["checkpoint"]["at"] = "2027-01-01T00:00:00Z"
    other = parse(json.dumps(changed).encode())
    assert not signed(other.signed, other.signature, key.parent / "public")


@pytest.mark.parametrize(("status", "error"), [(302, RefusedError), (404, RefusedError), (503, UnreachableError)])
async def test_any_other_answer_is_an_error_that_does_not_tell_the_url(
    receiver: Receiver, key: Path, status: int, error: type[Exception]
) -> None:
    receiver.status = status
    with pytest.raises(error, match=str(status)) as told:
        await SignedWebhook(receiver.url, key).post(CONTENT)
    assert "s3cret" not in str(told.value)
    assert len(receiver.got) == 1, "a redirection is not followed"


async def test_no_answer_is_told_without_the_url(key: Path) -> None:
    with pytest.raises(UnreachableError) as told:
        await SignedWebhook("http://127.0.0.1:9/hook-s3cret", key).post(CONTENT)
    assert "s3cret" not in str(told.value)


def test_another_kind_of_key_is_refused_at_the_start(tmp_path: Path) -> None:
    other = generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "rsa").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "none").write_text("x")
    for name in ("rsa", "none"):
        with pytest.raises(ValueError, match="is no"):
            SignedWebhook("http://127.0.0.1:9", tmp_path / name)
