"""Who is connected: an API key becomes a Principal."""

import hashlib
import hmac
import secrets

from falcon import HTTPUnauthorized

from ..realtime import Principal
from .settings import DEVELOPMENT_KEY, KeySettings

_MAX_LENGTH = 256
_NOBODY = "0" * 64


class Unauthorized(HTTPUnauthorized):
    """401 with a challenge; only the log learns what was wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__(description="The key is missing or not valid.", challenges=["ApiKey"])
        self.add_note(reason)


def make_key(name: str) -> tuple[str, str]:
    """Return a new key, and its entry in APP_API_KEYS, which does not reveal the key."""
    secret = secrets.token_urlsafe(32)
    return f"{name}.{secret}", f"{name}:{_digest(secret)}"


def make_development_key(name: str) -> str:
    """Return the development key of that name: always the same, and not secret."""
    return f"{name}.{_development_secret(name)}"


class Identity:
    """Verifies keys of the form `id.secret`; knows only digests of the secrets.

    A plain SHA-256 is enough: unlike a password, 32 random bytes cannot be guessed.
    """

    def __init__(self, settings: KeySettings) -> None:
        """Accept the keys of `settings`; in development, the development key of any name."""
        self._dev = settings.dev
        self._digests = settings.key_digests

    def verify(self, key: str | None) -> Principal:
        """Return the principal that the key names; raise Unauthorized if the key is not valid."""
        name, _, secret = (key or "").rpartition(".")
        if not name or len(name) + len(secret) > _MAX_LENGTH:
            raise Unauthorized("there is no API key, or it is malformed")
        if self._dev:
            expected = _digest(_development_secret(name))
        else:
            # An unknown id takes as long as a wrong secret.
            expected = self._digests.get(name, _NOBODY)
        if not hmac.compare_digest(_digest(secret).encode(), expected.encode()):
            raise Unauthorized("the API key is wrong, or its name unknown")
        return Principal(name)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _development_secret(name: str) -> str:
    message = name.encode()
    return hmac.new(DEVELOPMENT_KEY, message, hashlib.sha256).hexdigest()
