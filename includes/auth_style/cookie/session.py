"""The session: Bearer token in, cookie out."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from operator import is_

from falcon import HTTP_CREATED, HTTP_NO_CONTENT
from falcon.asgi import Request, Response

from ..realtime import CloseCode, Principal, Registry
from ..security import COOKIE, CredentialSettings, Identity, Sessions


class SessionResource:
    """`/session`: begins and ends the session of a browser."""

    public = frozenset({"POST"})
    """It verifies the token itself."""

    def __init__(
        self,
        identity: Identity,
        sessions: Sessions,
        registry: Registry,
        settings: CredentialSettings,
    ) -> None:
        """Verify tokens with `identity`; keep sessions, and close connections with them."""
        self._same_site = settings.cookie_same_site
        self._identity = identity
        self._sessions = sessions
        self._registry = registry

    async def on_post(self, req: Request, resp: Response) -> None:
        """Begin a session; answer 201 with the cookie.

        The token is verified here, so that a cookie alone can never make another one. The session
        that this browser had ends, and so does the oldest of somebody who has too many of them.
        """
        principal = await self._identity.verify_bearer(req)
        ended = self._sessions.end(req)
        session, oldest = self._sessions.begin(principal)
        self._close([*ended, oldest])
        resp.set_cookie(COOKIE, session, path="/", secure=True, same_site=self._same_site)
        resp.status = HTTP_CREATED
        resp.media = {"name": principal.name, "expires_at": principal.expires_at}

    async def on_delete(self, req: Request, resp: Response) -> None:
        """End the session and close its connections with 4001; answer 204."""
        self._close(self._sessions.end(req))
        # Not unset_cookie: a browser ignores a `__Host-` cookie that is not Secure, also its end.
        epoch = datetime.fromtimestamp(0, UTC)
        same_site = self._same_site
        resp.set_cookie(COOKIE, "", expires=epoch, path="/", secure=True, same_site=same_site)
        resp.status = HTTP_NO_CONTENT

    def _close(self, ended: Iterable[Principal | None]) -> None:
        for principal in filter(None, ended):
            self._registry.close_all(partial(is_, principal), CloseCode.TOKEN_EXPIRED)
