"""The settings of tokens."""

from typing import Self

from pydantic import Field, PositiveInt, SecretStr, field_validator, model_validator

from ..server import ServerSettings
from .keys import check_jwks_url, check_public_key

DEVELOPMENT_KEY = b"the development key, known to everybody"

_CENTURY = 3_155_760_000
_MIN_SECRET_LENGTH = 32
_SECRET_WANTED = (
    f"APP_SECRET must be a random secret of at least {_MIN_SECRET_LENGTH} bytes. Make one with "
    "`python -c 'import secrets; print(secrets.token_urlsafe(32))'`, or use --dev to try things "
    "out. Where somebody else issues the tokens, set APP_JWKS_URL or APP_PUBLIC_KEY instead"
)


class TokenSettings(ServerSettings):
    """Who signs tokens, and which are valid; durations in seconds."""

    secret: SecretStr = SecretStr("")
    """Signs the tokens of this service."""
    jwks_url: str = ""
    """Where another issuer publishes the keys of its tokens (JWK Set, RFC 7517)."""
    public_key: str = ""
    """The key of another issuer that publishes none: PEM, of RSA, P-256 or Ed25519."""
    audience: str
    issuer: str
    token_lifetime: PositiveInt = 3600
    max_token_lifetime: int = Field(default=31_536_000, ge=1, le=_CENTURY)
    """A token that expires later than that is rejected: a year, by default."""
    clock_leeway: float = Field(default=5.0, ge=0, le=600)
    """By how much the token issuer's clock may differ from this one."""

    _check_url = field_validator("jwks_url")(check_jwks_url)
    _check_key = field_validator("public_key")(check_public_key)

    @model_validator(mode="after")
    def _check_signer(self) -> Self:
        secret = self.secret.get_secret_value().strip().encode()
        if sum(map(bool, (secret, self.jwks_url, self.public_key))) > 1:
            raise ValueError(
                "APP_SECRET, APP_JWKS_URL and APP_PUBLIC_KEY exclude each other: each of them says "
                "who signs the tokens, so keep one"
            )
        weak = len(secret) < _MIN_SECRET_LENGTH or secret == DEVELOPMENT_KEY
        if weak and self.signs_tokens and not self.dev:
            raise ValueError(_SECRET_WANTED)
        return self

    @model_validator(mode="after")
    def _check_lifetime(self) -> Self:
        if self.token_lifetime > self.max_token_lifetime:
            raise ValueError("APP_TOKEN_LIFETIME must not be longer than APP_MAX_TOKEN_LIFETIME")
        return self

    @property
    def signs_tokens(self) -> bool:
        """Whether this service signs its tokens itself."""
        return not (self.jwks_url or self.public_key)

    @property
    def signing_key(self) -> bytes:
        """The key that signs the tokens: the secret, or in development a public one."""
        return DEVELOPMENT_KEY if self.dev else self.secret.get_secret_value().encode()
