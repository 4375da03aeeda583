"""What a look by our own people opens: listed reads as the member would see them, and not one write.

It stands before every route, so a route that is added later is closed to looks until it is listed here.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils import timezone

from api.errors import LOOK_IS_READ_ONLY, problem
from identity.staff import looks
from identity.staff.actor import SIGNED_IN_FOR, actor_of_key, note_use
from identity.staff.looks import Opened, OpenLook

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Our own people's entrance is no part of the workspace that they look into.
STAFF_PATHS: Final = "/api/staff/"
# For anybody: these take the mark of a look away that is over.
OPEN_PATHS: Final = frozenset({"/api/session", "/api/policy", "/api/processors", "/api/contact"})
# The routes that may be read, as the URL configuration writes them, with what the workspace is told that was opened; None
# for what tells nothing of the workspace. The second word names the part of the path that says which.
READ: Final[Mapping[str, tuple[Opened, str | None] | None]] = {
    "api/session": None,
    "api/policy": None,
    "api/processors": None,
    "api/contact": None,
    "api/credits/packs": None,
    "api/leads": ("leads", None),
    "api/leads/<lead_id>": ("lead", "lead_id"),
    "api/leads/<lead_id>/dial-check": ("dial_check", "lead_id"),
    "api/calls": ("calls", None),
    "api/calls/<call_id>": ("call", "call_id"),
    "api/calls/<call_id>/segments": ("transcript", "call_id"),
    "api/calls/<call_id>/receipt": ("receipt", "call_id"),
    "api/calls/<call_id>/insights": ("insights", "call_id"),
    "api/questions": ("questions", None),
    "api/credits": ("balance", None),
    "api/credits/burn-down": ("burn_down", None),
    "api/credits/checkouts/<checkout_id>": ("purchases", None),
    "api/credits/purchases": ("purchases", None),
    "api/credits/top-up": ("top_up", None),
    "api/credits/statement": ("statement", None),
    "api/credits/spenders": ("statement", None),
    "api/credits/entries/<entry_id>/explanation": ("explanation", None),
    "api/team": ("team", None),
    "api/team/activity": ("activity", None),
    "api/team/spending": ("spending", None),
    "api/team/looks": ("looks", None),
    "api/keys": ("keys", None),
}


class LookGateMiddleware:
    """Refuses in a look whatever is no listed read, writes down what is opened, and lets the database refuse the rest.

    A look that is over opens nothing, not even what the same browser could do as a customer: whoever had its pages open
    would act in another workspace without noticing. What is for anybody takes the mark of such a look away.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        mark = request.COOKIES.get(settings.LOOK_COOKIE_NAME)
        if not mark or not request.path.startswith("/api/") or request.path.startswith(STAFF_PATHS):
            return self._get_response(request)
        now = timezone.now()
        look = _look(request, mark, now)
        if look is None:
            if request.path not in OPEN_PATHS or request.method not in SAFE:
                return _look_ended()
            answer = self._get_response(request)
            forget_look(answer)
            return answer
        if request.method not in SAFE:
            return problem(403, LOOK_IS_READ_ONLY, "This is a look: nothing can be changed in it. End it first.")
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self._get_response(request)
        if match.route not in READ:
            return problem(
                403, "not_in_look", "This is the member's own and no part of a look. Go back to another page."
            )
        request.look = look  # type: ignore[attr-defined]  # read by look_of in api/auth.py
        with _reading_only():
            answer = self._get_response(request)
        opened = READ[match.route]
        if opened is not None and answer.status_code == 200:
            # Before anything is shown; what was refused, or is not there, was not seen.
            what, names = opened
            thing_id = UUID(match.kwargs[names]) if names else None
            try:
                looks.note_opened(look=look, what=what, thing_id=thing_id, now=timezone.now())
            except looks.LookMissing:
                # It ended while the answer was made.
                return _look_ended()
        return answer


def _look_ended() -> HttpResponse:
    return problem(401, "look_ended", "This look is over. Go back to the staff pages.")


def mark_look(answer: HttpResponse, look_id: UUID) -> None:
    """The browser's requests belong to the look from now on."""
    _set(answer, str(look_id), int(SIGNED_IN_FOR.total_seconds()))


def forget_look(answer: HttpResponse) -> None:
    _set(answer, "", 0)


def _set(answer: HttpResponse, value: str, max_age_s: int) -> None:
    answer.set_cookie(
        settings.LOOK_COOKIE_NAME, value, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="Strict"
    )


def _look(request: HttpRequest, mark: str, now: datetime) -> OpenLook | None:
    """The mark only says which; what opens it is the staff session of the same browser."""
    actor = actor_of_key(request.COOKIES.get(settings.STAFF_COOKIE_NAME), now=now)
    try:
        look_id = UUID(mark)
    except ValueError:
        return None
    if actor is None:
        return None
    note_use(actor=actor, now=now)
    return looks.open_look(actor=actor, now=now, look_id=look_id)


@contextmanager
def _reading_only() -> Iterator[None]:
    """Should a route that only reads ever write, PostgreSQL refuses it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        yield
