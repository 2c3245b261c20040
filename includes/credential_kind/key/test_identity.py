"""API keys: what proves a name, and everything that does not."""

import pytest

from {{ package_name }}.security.identity import (
    Identity,
    Unauthorized,
    make_development_key,
    make_key,
)
from {{ package_name }}.settings import Settings

ALICE, ALICE_ENTRY = make_key("alice")
BOB, BOB_ENTRY = make_key("bob")

WRONG = {
    "nothing": None,
    "empty": "",
    "a dot": ".",
    "an id alone": "alice",
    "an id and no secret": "alice.",
    "truncated": ALICE[:-1],
    "longer": ALICE + "x",
    "upper case": ALICE.upper(),
    "the id of another": ALICE.replace("alice", "bob"),
    "an unknown id and no secret": "mallory.",
    "an unknown id": ALICE.replace("alice", "mallory"),
    "the digest": ALICE_ENTRY.replace(":", "."),
    "another key of the same name": make_key("alice")[0],
    "the development key": make_development_key("alice"),
    "oversized": "alice." + "x" * 10_000,
    "no ASCII": "ü.ü",
}


@pytest.fixture
def identity() -> Identity:
    """Accepts two keys."""
    return Identity(Settings(api_keys=(ALICE_ENTRY, BOB_ENTRY)))


def test_a_key_proves_its_name(identity: Identity) -> None:
    assert identity.verify(ALICE).name == "alice"
    assert identity.verify(BOB).name == "bob"


@pytest.mark.parametrize("key", WRONG.values(), ids=WRONG.keys())
def test_any_other_key_proves_nothing(identity: Identity, key: str | None) -> None:
    with pytest.raises(Unauthorized):
        identity.verify(key)


def test_a_refusal_does_not_tell_a_wrong_id_from_a_wrong_secret(identity: Identity) -> None:
    refusals = []
    for key in [ALICE[:-1], ALICE.replace("alice", "mallory")]:
        with pytest.raises(Unauthorized) as caught:
            identity.verify(key)
        refusals.append((caught.value.to_dict(), caught.value.headers))
    assert refusals == [refusals[0]] * 2
    assert refusals[0][0]["description"] == "The key is missing or not valid."
    assert refusals[0][1] == {"WWW-Authenticate": "ApiKey"}


def test_only_the_digest_of_a_key_is_configured() -> None:
    key, entry = make_key("alice")
    secret = key.partition(".")[2]
    assert secret not in entry
    assert len(secret) == 43, "32 random bytes"


def test_development_knows_everybody() -> None:
    identity = Identity(Settings(dev=True))
    assert identity.verify(make_development_key("carol")).name == "carol"
    assert identity.verify(make_development_key("carol.b")).name == "carol.b"
    with pytest.raises(Unauthorized):
        identity.verify(make_development_key("carol").replace("carol", "dave"))


def test_a_key_may_be_as_long_as_256_characters_and_no_longer() -> None:
    identity = Identity(Settings(dev=True))
    assert identity.verify(make_development_key("x" * (256 - 64))).name == "x" * 192
    with pytest.raises(Unauthorized):
        identity.verify(make_development_key("x" * 193))
