"""Who may call a route.

Ninja exempts routes without cookie authentication from CSRF, so every one here checks it.
"""

from typing import Any, ClassVar, cast

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import APIKeyCookie
from ninja.utils import check_csrf

from identity.auth import Actor, actor_of_session
from identity.operations import note_use
from identity.sessions import SessionStore
from processors.errors import DomainError


class CsrfFailed(DomainError):
    """The request does not prove that our own page sent it."""

    code: ClassVar[str] = "csrf_failed"


class _CookieAuth(APIKeyCookie):
    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Any:
        """Raises CsrfFailed."""
        if check_csrf(request):
            raise CsrfFailed("The page is too old to act on. Reload it and try again.")
        return self.authenticate(request, None)

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        raise NotImplementedError


class SessionAuth(_CookieAuth):
    """A person who has signed in and proved the phone in this session: `request.auth` is the Actor."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:
        session = session_of(request)
        actor = actor_of_session(session)
        if actor is not None and session.row is not None:
            note_use(session=session.row, now=timezone.now())
        return actor


class AwaitingOtpAuth(_CookieAuth):
    """A person whose password was right in this session, with or without the passcode."""

    def authenticate(self, request: HttpRequest, key: str | None) -> SessionStore | None:
        session = session_of(request)
        return session if session.row is not None and session.row.user is not None else None


class AnyoneAuth(_CookieAuth):
    """Anybody whose browser sends what our own page sends."""

    def authenticate(self, request: HttpRequest, key: str | None) -> SessionStore:
        return session_of(request)


awaiting_otp_auth = AwaitingOtpAuth()
anyone_auth = AnyoneAuth()


def session_of(request: HttpRequest) -> SessionStore:
    return cast(SessionStore, request.session)


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a route behind SessionAuth."""
    return cast(Actor, request.auth)  # type: ignore[attr-defined]  # set by Ninja
