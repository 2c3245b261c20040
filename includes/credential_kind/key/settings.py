"""The settings of API keys."""

import re
from typing import Self

from pydantic import field_validator, model_validator

from ..server import ServerSettings, Words, split_words

DEVELOPMENT_KEY = b"the development key, known to everybody"

_KEY_ENTRY = re.compile(r"[A-Za-z0-9_-]{1,64}:[0-9a-f]{64}")
_KEYS_WANTED = (
    "APP_API_KEYS must list NAME:DIGEST for each key, separated by commas. Make a key with "
    f"`python -m {__package__.partition('.')[0]} token NAME`, "
    "which says what to add here, or use --dev to try things out"
)


class KeySettings(ServerSettings):
    """Which keys are valid."""

    api_keys: Words = ()
    """Who may connect: the name and the SHA-256 digest of each key."""

    _split_keys = field_validator("api_keys", mode="before")(split_words)

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        valid = all(map(_KEY_ENTRY.fullmatch, self.api_keys))
        if not valid or not (self.api_keys or self.dev):
            raise ValueError(_KEYS_WANTED)
        if len(self.key_digests) < len(self.api_keys):
            raise ValueError("APP_API_KEYS must list each name once: which of its keys is valid?")
        return self

    @property
    def key_digests(self) -> dict[str, str]:
        """The digest of each key's secret, by its id."""
        return dict(entry.split(":") for entry in self.api_keys)
