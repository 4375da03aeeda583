"""People of our own, with their authenticator apps, and the browsers at their entrance."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pyotp
from django.conf import settings
from django.db import connection

from identity.access import Client
from identity.staff import people, queries
from identity.staff.models import StaffMember
from identity.staff.permissions import StaffRole
from tests.identity.browser import Browser

PASSWORD = "quiet lantern river"
REASON = "The customer asks why a call has no text."
# Of an authenticator app (RFC 6238), and how long a busy machine may take to sign somebody in.
_STEP_S = 30
_PATIENCE_S = 5
SERVER = Client(address="192.0.2.1", agent="")
_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True)
class Ours:
    """One of us. recovery_codes: as they were shown."""

    member: StaffMember
    secret: str
    recovery_codes: list[str]

    @property
    def email(self) -> str:
        return self.member.email

    def code(self, *, seconds: float = 0) -> str:
        """What the app shows, so many seconds from now. One of before is given while it can still be used: the app's time has steps,
        and with the next of them it would be too old."""
        left_s = _STEP_S - time.time() % _STEP_S
        if seconds < 0 and left_s < _PATIENCE_S:
            time.sleep(left_s)
        return pyotp.TOTP(self.secret).at(datetime.now(UTC) + timedelta(seconds=seconds))


class Desk(Browser):
    """A browser at /staff."""

    def enter(self, ours: Ours, **changes: str) -> tuple[int, Any]:
        form = {"email": ours.email, "password": PASSWORD, "code": ours.code(), **changes}
        return self.post("/api/staff/signin", form)

    @property
    def state(self) -> str:
        return str(self.get("/api/staff/session")[1]["state"])

    def look(self, workspace_id: object, user_id: object, reason: str = REASON, case: str = "") -> tuple[int, Any]:
        wanted = {
            "workspace_id": str(workspace_id),
            "user_id": str(user_id),
            "reason": reason,
            "case_reference": case,
        }
        return self.post("/api/staff/looks", wanted)

    @property
    def look_mark(self) -> str:
        morsel = self.client.cookies.get(settings.LOOK_COOKIE_NAME)
        return morsel.value if morsel else ""


def hire(role: StaffRole = "support", first_name: str = "Nora") -> Ours:
    """Added and set up an hour ago."""
    then = datetime.now(UTC) - timedelta(hours=1)
    email = f"{first_name.lower()}@klosesales.example"
    token = people.add(email=email, first_name=first_name, role=role, now=then)
    secret = queries.enrolment(token=token, now=then).secret
    code = pyotp.TOTP(secret).at(then)
    codes = people.enrol(token=token, password=PASSWORD, code=code, client=SERVER, now=then)
    return Ours(StaffMember.objects.get(email=email), secret, codes)


def at_desk(role: StaffRole = "support", first_name: str = "Nora", address: str = "198.51.100.90") -> Desk:
    desk = Desk(address)
    status, answer = desk.enter(hire(role, first_name))
    assert (status, answer["state"]) == (200, "signed_in")
    return desk


def alone(act: Callable[[], _Done]) -> _Done:
    """For a thread: on a connection of its own, which it gives back."""
    try:
        return act()
    finally:
        connection.close()


def waits_for_a_lock(limit_s: float = 10) -> None:
    """Until another connection waits for a lock that this one holds; it comes back without, if none does."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
            )
            if cursor.fetchone() == (True,):
                return
        time.sleep(0.02)
