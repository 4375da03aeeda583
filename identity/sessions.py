"""Django's session engine over our own table, so that sessions can be listed and revoked per person."""

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.db.models import Q, QuerySet
from django.utils import timezone

from compliance import policy
from identity import tenancy
from identity.access import Client
from identity.auth import Actor, Role
from identity.compiled import Lookup
from identity.models import Membership, Session, User

SIGNED_IN_FOR = timedelta(seconds=settings.SESSION_COOKIE_AGE)
AWAITING_OTP_FOR = timedelta(minutes=30)
# Who works with it uses it daily; a browser that nobody uses over a long weekend is signed out.
IDLE_FOR = timedelta(days=4)
# That of secrets.token_urlsafe(32).
_FORM: Final = re.compile("[A-Za-z0-9_-]{43}")


def digest(key: str) -> str:
    """How a session's key is stored; SHA-256 suffices, because the key is 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def may_be_key(shown: str) -> bool:
    """Whether it has the form of a session's key; for whatever has another one no look-up is needed."""
    return _FORM.fullmatch(shown) is not None


def is_open(now: datetime) -> Q:
    """Of sessions that have neither come to their end nor lain idle."""
    return Q(expires_at__gt=now, last_used_at__gt=now - IDLE_FOR)


def ends_at(row: Session) -> datetime:
    """When the session is over if nobody uses it from now on."""
    return min(row.expires_at, row.last_used_at + IDLE_FOR)


def _open(key_digest: str, now: datetime, _: datetime) -> QuerySet[Session]:
    """The session with this key, if it is open; with all that most requests ask."""
    rows = Session.objects.select_related("user", "membership", "membership__workspace")
    rows = rows.annotate(policy_in_force=policy.name_in_force())
    return rows.filter(is_open(now), key_digest=key_digest)


def _open_confined(key_digest: str, now: datetime, _: datetime) -> QuerySet[Session]:
    """The same for `tenancy.found_confined`, with what every request asks; whatever else a route asks is read then."""
    rows = Session.objects.select_related("user", "membership").only(*_ASKED)
    rows = rows.annotate(
        **{"policy_in_force": policy.name_in_force(), tenancy.CONFINED_TO: tenancy.naming("membership__workspace_id")}
    )
    return rows.filter(is_open(now), key_digest=key_digest)


_ASKED: Final = (
    "key_digest",
    "phone_verified_at",
    "last_used_at",
    "policy_version",
    "data",
    "user__is_active",
    "membership__role",
    "membership__workspace",
)


_SOME_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_OPEN: Final = Lookup(_open, "digest", _SOME_TIME, _SOME_TIME - IDLE_FOR)
OPEN_CONFINED: Final = Lookup(_open_confined, "digest", _SOME_TIME, _SOME_TIME - IDLE_FOR)


def still_acting(actors: Collection[Actor], *, now: datetime) -> set[Actor]:
    """Those of these whose sessions are open still, with the same person, workspace and role: one query for all."""
    ids = [each.session_id for each in actors if each.session_id is not None]
    rows = Session.objects.filter(is_open(now), id__in=ids, phone_verified_at__isnull=False, user__is_active=True)
    found = rows.values_list("user_id", "membership__workspace_id", "membership__role", "id")
    return set(actors) & {Actor(who, where, cast(Role, role), session_id) for who, where, role, session_id in found}


class SessionStore(SessionBase):
    """One browser's session.

    `row` is what the product asks; the dict interface is there for Django's own parts.
    is_renewed_elsewhere: known once it was saved.
    confines: whether reading it confines this thread's connection to its workspace, in the same statement.
    """

    confines = False
    # Another request has renewed the key while this one went on: the browser has the newer one, or is about to.
    is_renewed_elsewhere = False
    _row: Session | None = None

    @property
    def row(self) -> Session | None:
        """The stored session with its user, membership and workspace, or None."""
        self.keys()
        return self._row

    def begin(self, *, user: User, membership: Membership, client: Client, now: datetime) -> None:
        """Binds a person who still has to prove the phone, under a new key; a session that was there before
        ends.
        """
        self.flush()
        key = secrets.token_urlsafe(32)
        self._row = Session.objects.create(
            key_digest=digest(key),
            user=user,
            membership=membership,
            created_at=now,
            last_used_at=now,
            expires_at=now + AWAITING_OTP_FOR,
            address=client.address,
            agent=client.agent,
        )
        self._adopt(key)

    def phone_verified(self, *, now: datetime) -> bool:
        """Opens the session fully, under a new key. False when it was revoked in the meantime."""
        row = self.row
        if row is None:
            return False
        key = secrets.token_urlsafe(32)
        row.phone_verified_at, row.last_used_at, row.expires_at = now, now, now + SIGNED_IN_FOR
        changed = Session.objects.filter(key_digest=row.key_digest).update(
            key_digest=digest(key), phone_verified_at=now, last_used_at=now, expires_at=row.expires_at
        )
        row.key_digest = digest(key)
        self._adopt(key)
        return bool(changed)

    def act_under(self, membership: Membership) -> None:
        """Goes on in another workspace, under the same key."""
        row = self.row
        if row is not None:
            Session.objects.filter(id=row.id).update(membership=membership)
            row.membership = membership

    def _adopt(self, key: str) -> None:
        self._session_key = key
        self._session_cache: dict[str, Any] = self._row.data if self._row else {}
        # Makes Django send the cookie.
        self.modified = True

    def load(self) -> dict[str, Any]:
        key = self.session_key
        now = timezone.now()
        self._row = self._found(digest(key), now) if key else None
        if self._row is None:
            self._session_key = None
            return {}
        data: dict[str, Any] = self._row.data
        return data

    def _found(self, key_digest: str, now: datetime) -> Session | None:
        if self.confines:
            return tenancy.found_confined(OPEN_CONFINED, key_digest, now, now - IDLE_FOR)
        return _OPEN.first(key_digest, now, now - IDLE_FOR)

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(key_digest=digest(session_key)).exists()

    def create(self) -> None:
        key = secrets.token_urlsafe(32)
        now = timezone.now()
        self._row = Session.objects.create(
            key_digest=digest(key),
            created_at=now,
            last_used_at=now,
            expires_at=now + AWAITING_OTP_FOR,
            data=getattr(self, "_session_cache", {}),
        )
        self._adopt(key)

    def save(self, must_create: bool = False) -> None:
        """Raises UpdateError when the session was revoked in the meantime: no write brings it back."""
        if self.session_key is None or must_create:
            self.create()
            return
        data, row = dict(self.items()), self.row
        if Session.objects.filter(key_digest=digest(self.session_key)).update(data=data):
            return
        self.is_renewed_elsewhere = row is not None and bool(Session.objects.filter(id=row.id).update(data=data))
        if not self.is_renewed_elsewhere:
            raise UpdateError

    def is_empty(self) -> bool:
        """Whether Django is to take the cookie out of the browser: when this request has ended the session. One whose key opens nothing
        leaves it there: another request may have renewed it, whose answer brings the new key, and would be undone.
        """
        return self.modified and bool(super().is_empty())

    def cycle_key(self) -> None:
        """A new key for the same session; the one before opens nothing any more. Of two at once the first counts, whose answer has
        the new key, and the other changes nothing.
        """
        if self.session_key is None:
            self.create()
            return
        key = secrets.token_urlsafe(32)
        row = self.row
        if row is None or not Session.objects.filter(key_digest=row.key_digest).update(key_digest=digest(key)):
            return
        row.key_digest = digest(key)
        self._adopt(key)

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            Session.objects.filter(key_digest=digest(key)).delete()

    def flush(self) -> None:
        super().flush()
        self._row = None

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.exclude(is_open(timezone.now())).delete()
