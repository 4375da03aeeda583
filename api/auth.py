"""Who may call a route.

Ninja exempts routes without cookie authentication from CSRF, so every one here checks it.
"""

from typing import Any, ClassVar, Final, cast

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from api.client import client_of
from identity import changed_policy, tenancy
from identity.api_keys import ApiKeyInvalid, KeyNotAccepted, ScopeMissing, actor_of_key
from identity.auth import Actor, actor_of_session
from identity.operations import note_use
from identity.permissions import Scope
from identity.sessions import SessionStore, still_acting
from identity.staff import actor as staff_actor
from identity.staff.actor import StaffActor
from identity.staff.looks import OpenLook
from identity.staff.permissions import StaffPermission
from processors.errors import DomainError

# What Django's check lets through whatever it is shown.
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class CsrfFailed(DomainError):
    """The request does not prove that our own page sent it."""

    code: ClassVar[str] = "csrf_failed"


class CookieAuth(APIKeyCookie):
    """Whoever is known by a cookie; every request is asked to prove that our own page sent it."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Any:
        """Raises CsrfFailed."""
        if request.method not in _SAFE and check_csrf(request):
            raise CsrfFailed("The page is too old to act on. Reload it and try again.")
        return self.authenticate(request, None)

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        raise NotImplementedError


class PersonAuth(CookieAuth):
    """A person who has signed in and proved the phone in this session: `request.auth` is the Actor.

    For what concerns the person in all workspaces, such as the privacy centre, and depends on no answer to a changed policy; all
    else is behind SessionAuth.
    """

    def __call__(self, request: HttpRequest) -> Any:
        """Raises CsrfFailed, KeyNotAccepted."""
        refuse_key(request)
        return super().__call__(request)

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:
        look = look_of(request)
        if look is not None:
            return look.actor
        session = session_of(request)
        actor = actor_of_session(session)
        if actor is not None and session.row is not None:
            note_use(session=session.row, now=timezone.now())
        return actor


class SessionAuth(PersonAuth):
    """The same, going on under a changed policy; and the database shows the request no rows of another workspace."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:
        """Raises PolicyUnanswered."""
        session_of(request).confines = True
        actor = super().authenticate(request, key)
        if actor is None:
            return None
        row = session_of(request).row
        # Most are settled, and nobody has to know where they come from.
        if row is not None and look_of(request) is None and changed_policy.is_unsettled(row):
            changed_policy.go_on(session=row, client=client_of(request), now=timezone.now())
        # A session that was read before, and a look, have not confined it.
        if not tenancy.confined_to(actor.workspace_id):
            tenancy.confine(actor.workspace_id)
        return actor


class KeyAuth(HttpBearer):
    """A program with a key for this scope: `request.auth` is the Actor. No cookie is looked at, so no CSRF token is wanted."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope

    def __call__(self, request: HttpRequest) -> Any:
        """Raises ApiKeyInvalid, ScopeMissing, KeyNotAccepted."""
        key = _key_in(request)
        if key is not None and look_of(request) is not None:
            raise KeyNotAccepted("A look takes no key. Take it out of the request, or end the look.")
        return None if key is None else self.authenticate(request, key)

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        return actor_of_key(token, scope=self._scope, now=timezone.now())


class AwaitingOtpAuth(CookieAuth):
    """A person whose password was right in this session, with or without the passcode."""

    def authenticate(self, request: HttpRequest, key: str | None) -> SessionStore | None:
        session = session_of(request)
        return session if session.row is not None and session.row.user is not None else None


class StaffAuth(CookieAuth):
    """One of our own people, signed in at their own entrance: `request.auth` is the StaffActor."""

    param_name = settings.STAFF_COOKIE_NAME

    def authenticate(self, request: HttpRequest, key: str | None) -> StaffActor | None:
        now = timezone.now()
        actor = staff_actor.actor_of_key(request.COOKIES.get(self.param_name), now=now)
        if actor is not None:
            staff_actor.note_use(actor=actor, now=now)
        return actor


class StaffMayAuth(StaffAuth):
    """The same, whose role allows this."""

    def __init__(self, permission: StaffPermission) -> None:
        super().__init__()
        self._permission = permission

    def authenticate(self, request: HttpRequest, key: str | None) -> StaffActor | None:
        """Raises StaffNotPermitted."""
        actor = super().authenticate(request, key)
        if actor is not None:
            actor.demand(self._permission)
        return actor


class AnyoneAuth(CookieAuth):
    """Anybody whose browser sends what our own page sends."""

    def authenticate(self, request: HttpRequest, key: str | None) -> SessionStore:
        return session_of(request)


session_auth = SessionAuth()
person_auth = PersonAuth()
awaiting_otp_auth = AwaitingOtpAuth()
anyone_auth = AnyoneAuth()
staff_auth = StaffAuth()


def or_key(scope: Scope) -> list[Any]:
    """Who may call a route that programs use too: a person, or a key with this scope."""
    return [KeyAuth(scope), session_auth]


def still_acts(request: HttpRequest, *, scope: Scope) -> bool:
    """Whether the session or key of a route behind `or_key` stands as it did when the answer began: for one that takes long.

    This thread's connection may be confined anew by it.
    """
    actor, now = actor_of(request), timezone.now()
    if actor.session_id is not None:
        return bool(still_acting([actor], now=now))
    try:
        return actor_of_key(_key_in(request) or "", scope=scope, now=now) == actor
    except (ApiKeyInvalid, ScopeMissing):
        return False


def refuse_key(request: HttpRequest) -> None:
    """Raises KeyNotAccepted when the request comes with a key."""
    if _key_in(request) is not None:
        raise KeyNotAccepted("No key opens this. Sign in, then do it on the page.")


def _key_in(request: HttpRequest) -> str | None:
    """What the request presents as a key, however malformed; None when it presents none.

    Other credentials may be a proxy's, to which a browser sends them with every request.
    """
    return key_of(request.META.get("HTTP_AUTHORIZATION", ""))


def key_of(authorization: str) -> str | None:
    """The same, of the header's content."""
    kind, _, key = authorization.partition(" ")
    return key.strip() if kind.lower() == "bearer" else None


def session_of(request: HttpRequest) -> SessionStore:
    return cast(SessionStore, request.session)


def renew_session(request: HttpRequest) -> None:
    """Once somebody has proved anew who it is: what showed the session before opens nothing any more."""
    session_of(request).cycle_key()
    rotate_token(request)


def look_of(request: HttpRequest) -> OpenLook | None:
    """The look that the request belongs to; api/look_gate.py lets nothing but reads come here with one."""
    return cast(OpenLook | None, getattr(request, "look", None))


def staff_of(request: HttpRequest) -> StaffActor:
    """The one of us behind a route with StaffAuth."""
    return cast(StaffActor, request.auth)  # type: ignore[attr-defined]  # set by Ninja


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a route behind SessionAuth or KeyAuth."""
    return cast(Actor, request.auth)  # type: ignore[attr-defined]  # set by Ninja
