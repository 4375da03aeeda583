"""Google: the page to agree on, the token, and who it was (OpenID Connect's userinfo)."""

from typing import Any

from aiohttp import web

from sandbox.faults import Faults
from sandbox.records import SocialPerson
from sandbox.social.agreement import Agreement
from sandbox.social.people import answered
from sandbox.store import Store


class Google:
    def __init__(self, agreement: Agreement, store: Store, faults: Faults) -> None:
        self._agreement, self._store, self._faults = agreement, store, faults

    def register(self, app: web.Application) -> None:
        app.router.add_get("/o/oauth2/auth", self._agreement.show)
        app.router.add_post("/o/oauth2/token", self.token)
        app.router.add_get("/oauth2/v3/userinfo", self.userinfo)

    async def token(self, request: web.Request) -> web.Response:
        asked = {name: str(value) for name, value in (await request.post()).items()}
        self._store.received.note("google token", asked.items())
        if broken := self._faults.strike("google.rest", asked, "error"):
            return web.json_response({"error": "server_error"}, status=broken.value or 500)
        if not self._agreement.is_client(asked.get("client_id", ""), asked.get("client_secret", "")):
            return _error(401, "invalid_client", "The OAuth client was not found.")
        if asked.get("grant_type") != "authorization_code":
            return _error(400, "unsupported_grant_type", "Invalid grant_type.")
        token = self._agreement.token_for(asked.get("code", ""), asked.get("redirect_uri", ""))
        if token is None:
            return _error(400, "invalid_grant", "Malformed auth code.")
        return web.json_response(
            {
                "access_token": token,
                "expires_in": 3599,
                "refresh_token": f"1//{token[::-1]}",
                "scope": "openid https://www.googleapis.com/auth/userinfo.email"
                " https://www.googleapis.com/auth/userinfo.profile",
                "token_type": "Bearer",
            }
        )

    async def userinfo(self, request: web.Request) -> web.Response:
        self._store.received.note("google userinfo", request.query.items())
        if broken := self._faults.strike("google.rest", {}, "error"):
            return web.json_response({"error": "server_error"}, status=broken.value or 500)
        person = self._agreement.of_token(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if person is None:
            return _error(401, "invalid_request", "Invalid Credentials")
        return answered(person, _claims(person), "sub")


def _claims(person: SocialPerson) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "sub": person.id,
        "name": f"{person.first_name} {person.last_name}".strip(),
        "given_name": person.first_name,
        "picture": f"https://lh3.googleusercontent.com/a/{person.id}",
        "locale": "en",
    }
    if person.last_name:
        claims["family_name"] = person.last_name
    if person.email:
        claims |= {"email": person.email, "email_verified": person.email_verified}
    return claims | {f"extra_{n}": f"surplus-{n}" for n in range(person.extra_fields)}


def _error(status: int, code: str, description: str) -> web.Response:
    return web.json_response({"error": code, "error_description": description}, status=status)
