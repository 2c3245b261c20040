"""The settings of tokens."""

from typing import Self

from pydantic import Field, PositiveInt, SecretStr, model_validator

from ..server import ServerSettings

DEVELOPMENT_KEY = b"the development key, known to everybody"

_CENTURY = 3_155_760_000
_MIN_SECRET_LENGTH = 32
_SECRET_WANTED = (
    f"APP_SECRET must be a random secret of at least {_MIN_SECRET_LENGTH} bytes. Make one with "
    "`python -c 'import secrets; print(secrets.token_urlsafe(32))'`, or use --dev to try things out"
)


class TokenSettings(ServerSettings):
    """How tokens are signed and which are valid; durations in seconds."""

    secret: SecretStr = SecretStr("")
    """Signs the tokens."""
    audience: str
    issuer: str
    token_lifetime: PositiveInt = 3600
    max_token_lifetime: int = Field(default=31_536_000, ge=1, le=_CENTURY)
    """A token that expires later than that is rejected: a year, by default."""
    clock_leeway: float = Field(default=5.0, ge=0, le=600)
    """By how much the token issuer's clock may differ from this one."""

    @model_validator(mode="after")
    def _check_secret(self) -> Self:
        secret = self.secret.get_secret_value().strip().encode()
        if not self.dev and (len(secret) < _MIN_SECRET_LENGTH or secret == DEVELOPMENT_KEY):
            raise ValueError(_SECRET_WANTED)
        return self

    @model_validator(mode="after")
    def _check_lifetime(self) -> Self:
        if self.token_lifetime > self.max_token_lifetime:
            raise ValueError("APP_TOKEN_LIFETIME must not be longer than APP_MAX_TOKEN_LIFETIME")
        return self

    @property
    def signing_key(self) -> bytes:
        """The key that signs the tokens: the secret, or in development a public one."""
        return DEVELOPMENT_KEY if self.dev else self.secret.get_secret_value().encode()
