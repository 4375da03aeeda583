"""Facebook: the dialog to agree on, the token, and who it was (Graph's /me)."""

import hashlib
import hmac

from aiohttp import web

from sandbox.faults import Faults
from sandbox.social.agreement import Agreement
from sandbox.social.people import answered
from sandbox.store import Store

_VERSION = r"/{version:v\d+\.\d+}"


class Facebook:
    def __init__(self, agreement: Agreement, store: Store, faults: Faults) -> None:
        self._agreement, self._store, self._faults = agreement, store, faults

    def register(self, app: web.Application) -> None:
        app.router.add_get(f"{_VERSION}/dialog/oauth", self._agreement.show)
        app.router.add_get(f"{_VERSION}/oauth/access_token", self.token)
        app.router.add_get(f"{_VERSION}/me", self.me)

    async def token(self, request: web.Request) -> web.Response:
        self._store.received.note("facebook token", request.query.items())
        if broken := self._faults.strike("facebook.rest", request.query, "error"):
            return _error(broken.value or 500, 2, "An unexpected error has occurred.")
        query = request.query
        if not self._agreement.is_client(query.get("client_id", ""), query.get("client_secret", "")):
            return _error(400, 1, "Error validating client secret.")
        token = self._agreement.token_for(query.get("code", ""), query.get("redirect_uri", ""))
        if token is None:
            return _error(400, 100, "This authorization code has been used.")
        return web.json_response({"access_token": token, "token_type": "bearer", "expires_in": 5_183_944})

    async def me(self, request: web.Request) -> web.Response:
        """What is asked for by `fields`, as far as it is there: an e-mail address may be missing, and none is called verified."""
        self._store.received.note("facebook me", request.query.items())
        if broken := self._faults.strike("facebook.rest", request.query, "error"):
            return _error(broken.value or 500, 2, "An unexpected error has occurred.")
        token = request.query.get("access_token", "")
        person = self._agreement.of_token(token)
        if person is None:
            return _error(400, 190, "Invalid OAuth access token.")
        proof = hmac.new(self._agreement.client_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(request.query.get("appsecret_proof", ""), proof):
            return _error(400, 100, "Invalid appsecret_proof provided in the API argument")
        held = {
            "id": person.id,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email": person.email,
        }
        wanted = request.query.get("fields", "id").split(",")
        told = {name: value for name, value in held.items() if name in wanted and value}
        surplus = {f"extra_{n}": f"surplus-{n}" for n in range(person.extra_fields)}
        return answered(person, told | surplus, "id")


def _error(status: int, code: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "OAuthException", "code": code}}, status=status)
