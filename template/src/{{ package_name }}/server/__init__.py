"""The edge to uvicorn: how the service is served, logs and shuts down; machinery."""

from .asgi import create_asgi
from .env_file import EnvFileError, check_env_file
from .logs import set_up_logging
from .run import serve
from .settings import ENVIRONMENT, ServerSettings, Words, split_words

__all__ = [
    "ENVIRONMENT",
    "EnvFileError",
    "ServerSettings",
    "Words",
    "check_env_file",
    "create_asgi",
    "serve",
    "set_up_logging",
    "split_words",
]
