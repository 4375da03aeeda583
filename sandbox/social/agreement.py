"""The page on which somebody picks an account and agrees, and the codes and tokens that follow from it."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from sandbox.markup import Markup, joined, tag, void
from sandbox.records import SocialPerson
from sandbox.social.people import People

CODE_GOOD_FOR_S = 600.0
CODES_MAX = 1_000
# Where the form that makes a new account leads, browsers follow only to what is named here.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self' http://localhost:* http://127.0.0.1:*"
)
_TYPED = ("first_name", "last_name", "email")


@dataclass(frozen=True, slots=True)
class _Grant:
    person_id: str
    good_until: float


class Agreement:
    """One provider's. cancelled: the parameters with which it says that the person did not agree."""

    def __init__(
        self,
        people: People,
        *,
        provider: str,
        title: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        cancelled: Mapping[str, str],
    ) -> None:
        self.people = people
        self.client_secret = client_secret
        self._provider, self._title = provider, title
        self._client_id, self._redirect_uri = client_id, redirect_uri
        self._cancelled = cancelled
        self._codes: dict[str, _Grant] = {}
        self._tokens: dict[str, str] = {}

    async def show(self, request: web.Request) -> web.Response:
        """Everybody who has an account; `person`, a typed new one, or `cancel` sends the browser back."""
        asked = {name: value for name, value in request.query.items() if name not in ("person", "cancel", *_TYPED)}
        if not self._client_id or asked.get("client_id") != self._client_id:
            return self._page(400, tag("p", "The client is not known here.", role="alert"))
        if asked.get("redirect_uri") != self._redirect_uri:
            return self._page(400, tag("p", "redirect_uri is not registered for this client.", role="alert"))
        if "cancel" in request.query:
            raise web.HTTPFound(self._back({**self._cancelled, "state": asked.get("state", "")}))
        if "email" in request.query:
            typed = {name: request.query.get(name, "") for name in _TYPED}
            return self._agreed(self.people.change({"provider": self._provider, **typed}), asked)
        person = self.people.find(self._provider, request.query.get("person", ""))
        if person is not None:
            return self._agreed(person, asked)
        return self._page(200, self._choices(request.path, asked))

    def is_client(self, client_id: str, client_secret: str) -> bool:
        return (client_id, client_secret) == (self._client_id, self.client_secret)

    def token_for(self, code: str, redirect_uri: str) -> str | None:
        """What the code is exchanged for; None for one that is not good, or not any more."""
        grant = self._codes.pop(code, None)
        if grant is None or grant.good_until < time.monotonic() or redirect_uri != self._redirect_uri:
            return None
        token = secrets.token_urlsafe(48)
        self._tokens[token] = grant.person_id
        return token

    def of_token(self, token: str) -> SocialPerson | None:
        return self.people.find(self._provider, self._tokens.get(token, ""))

    def _agreed(self, person: SocialPerson, asked: Mapping[str, str]) -> web.Response:
        while len(self._codes) >= CODES_MAX:
            self._codes.pop(next(iter(self._codes)))
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Grant(person.id, time.monotonic() + CODE_GOOD_FOR_S)
        state = "forged" if person.wrong_state else asked.get("state", "")
        raise web.HTTPFound(self._back({"code": code, "state": state}))

    def _back(self, told: Mapping[str, str]) -> str:
        return f"{self._redirect_uri}?{urlencode(told)}"

    def _choices(self, path: str, asked: Mapping[str, str]) -> Markup:
        people = [
            tag(
                "li",
                tag(
                    "a",
                    tag("strong", f"{person.first_name} {person.last_name}"),
                    tag("span", person.email or "no e-mail address"),
                    href=f"{path}?{urlencode({**asked, 'person': person.id})}",
                ),
            )
            for person in self.people.of(self._provider)
        ]
        hidden = [void("input", type="hidden", name=name, value=value) for name, value in asked.items()]
        form = tag(
            "form",
            *hidden,
            tag("label", "First name", void("input", name="first_name", required=True)),
            tag("label", "Last name", void("input", name="last_name")),
            tag("label", "E-mail", void("input", name="email", type="email")),
            tag("button", "Continue with a new account"),
            method="get",
        )
        cancel = tag("a", "Cancel", href=f"{path}?{urlencode({**asked, 'cancel': '1'})}", class_="cancel")
        return joined(
            tag("p", "Klosesales will receive your name and your e-mail address."),
            tag("ul", *people),
            tag("details", tag("summary", "Use another account"), form),
            cancel,
        )

    def _page(self, status: int, body: Markup) -> web.Response:
        head = tag(
            "head",
            void("meta", charset="utf-8"),
            tag("title", f"{self._title} (sandbox)"),
            void("meta", name="viewport", content="width=device-width, initial-scale=1"),
            void("link", rel="icon", href="data:,"),
            void("link", rel="stylesheet", href="/social/agreement.css"),
        )
        heading = tag("h1", f"Continue with {self._title}")
        footer = tag("footer", "A pretended provider of the sandbox. Nothing leaves this machine.")
        main = tag("main", heading, body, footer)
        text = "<!doctype html>" + tag("html", head, tag("body", main), lang="en")
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)
