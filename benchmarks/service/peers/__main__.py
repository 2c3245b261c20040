"""Serve a peer as the generated service is served: `python -m benchmarks.service.peers NAME PORT`.

uvicorn with uvloop, httptools and websockets-sansio, no compression, no access log.
"""

import importlib
import sys

import uvicorn

APPS = {
    "raw": "raw",
    "falcon": "falcon_documented",
    "falcon-tuned": "falcon_tuned",
    "starlette": "starlette_app",
    "fastapi": "fastapi_app",
    "litestar": "litestar_app",
}


def main(name: str, port: int) -> None:
    """Serve until SIGTERM."""
    if name == "websockets":
        server = importlib.import_module(f"{__package__}.websockets_server")
        importlib.import_module("uvloop").run(server.run(port))
        return
    uvicorn.run(
        importlib.import_module(f"{__package__}.{APPS[name]}").app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
