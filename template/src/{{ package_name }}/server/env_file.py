"""The file `.env`: rejected as a whole if a part of it would be silently ignored."""

import io
from pathlib import Path

from dotenv.parser import parse_stream

ENCODING = "utf-8-sig"
"""UTF-8, with or without a byte order mark."""


class EnvFileError(ValueError):
    """Says in one line which file cannot be used, and why."""


def check_env_file(path: Path) -> None:
    """Raise EnvFileError if the file is there and pydantic-settings would not take all of it."""
    try:
        if not path.exists() or path.is_dir():
            return  # a folder of that name may be a virtual environment
        text = path.read_text(ENCODING)
    except OSError as error:
        raise EnvFileError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise EnvFileError(f"{path} is not in UTF-8") from None
    if "\0" in text:
        raise EnvFileError(f"{path} has NUL bytes: is it in UTF-16?")
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            # A statement begins with the blank lines before it.
            lines = binding.original.string.rstrip().splitlines()
            line = binding.original.line + len(lines) - 1
            raise EnvFileError(f"{path}, line {line}: this is not NAME=VALUE")
