"""A sales floor in the database: 200,000 leads, 50,000 numbers that must not be called, reps, and calls that the carrier took."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.db import connection, transaction
from uuid_utils.compat import uuid7

LEADS: Final = 200_000
SUPPRESSIONS: Final = 50_000
# A number that the sandbox's carrier knows nobody by, so that a call to it is over at once.
MOBILE: Final = "+12025550183"


@dataclass(frozen=True, slots=True)
class Seat:
    """A member of the floor with a session of theirs."""

    workspace_id: UUID
    user_id: UUID
    session_key: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that the carrier took, and its legs to be."""

    call_id: UUID
    agent_sid: str
    callee_sid: str


def floor() -> Seat:
    """The workspace with its credit, its leads and its list of numbers that must not be called; its owner has the seat."""
    from bench.live_calls import workspaces

    workspace_id = workspaces(1)[0]
    with connection.cursor() as cursor:
        now = datetime.now(UTC)
        cursor.execute(_LEADS, [workspace_id, now, LEADS])
        cursor.execute(_SUPPRESSIONS, [workspace_id, now, now, SUPPRESSIONS])
        cursor.execute("ANALYZE")
    return seat(workspace_id, "owner")


def seat(workspace_id: UUID, role: str) -> Seat:
    from identity.access import Client
    from identity.models import Membership, User
    from identity.sessions import SessionStore

    now = datetime.now(UTC)
    user = User.objects.create(
        email=f"{uuid7().hex}@bench.example",
        first_name="Bea",
        last_name="Bench",
        mobile_e164=MOBILE,
        mobile_verified_at=now,
        created_at=now,
    )
    member = Membership.objects.create(workspace_id=workspace_id, user=user, role=role, created_at=now)
    session = SessionStore()
    session.begin(user=user, membership=member, client=Client(address="127.0.0.1", agent="bench"), now=now)
    assert session.phone_verified(now=now)
    return Seat(workspace_id, user.id, str(session.session_key))


def leads_to_dial(workspace_id: UUID, number: int) -> list[UUID]:
    """The newest of the workspace, with numbers that there are."""
    from voice.models import Lead

    now = datetime.now(UTC)
    made = [
        Lead(
            workspace_id=workspace_id,
            first_name=f"Lead {place}",
            phone_e164=f"+131255501{place:02d}",
            country="US",
            time_zone="America/Chicago",
            created_at=now + timedelta(milliseconds=place),
        )
        for place in range(number)
    ]
    Lead.objects.bulk_create(made)
    return [lead.id for lead in made]


def taken(workspace_id: UUID, number: int, *, user_id: UUID | None = None) -> list[Taken]:
    """So many calls that the carrier took and has told nothing of. user_id: whose they all are; else each has a rep of its own."""
    from identity.models import Membership, User
    from ledger import operations as ledger
    from ledger.models import RateCard
    from voice import callbacks
    from voice.models import Call, DialIntent, Lead
    from voice.state import LegFacts

    now = datetime.now(UTC)
    card_id = RateCard.objects.get(version=1).id
    people = [user_id] * number if user_id is not None else []
    if user_id is None:
        users = [
            User(email=f"{uuid7().hex}@bench.example", first_name="Rep", mobile_e164=MOBILE, created_at=now)
            for _ in range(number)
        ]
        User.objects.bulk_create(users)
        people = [user.id for user in users]
        # Calls of whom the workspace does not know would be ended.
        Membership.objects.bulk_create(
            Membership(workspace_id=workspace_id, user_id=person, role="rep", created_at=now) for person in people
        )
    found = []
    for person in people:
        made = Taken(uuid7(), f"CA{uuid4().hex}", f"CA{uuid4().hex}")
        with transaction.atomic():
            lead = Lead.objects.create(
                workspace_id=workspace_id, first_name="Lead", phone_e164=f"+1{uuid4().int % 10**12}", created_at=now
            )
            call = Call.objects.create(
                id=made.call_id,
                workspace_id=workspace_id,
                lead=lead,
                user_id=person,
                idempotency_key=uuid4().hex,
                rate_card_id=card_id,
                created_at=now,
                max_duration_s=14_400,
            )
            ledger.place_hold(
                workspace_id=workspace_id,
                amount_mcredits=5_000,
                reference=call.ledger_reference,
                expires_at=now + timedelta(minutes=10),
                now=now,
            )
            DialIntent.objects.create(workspace_id=workspace_id, call=call, state="submitted", submitted_at=now)
            callbacks.learn(
                call=call, kind="placed", sid=made.agent_sid, news=LegFacts(role="agent", status="queued"), now=now
            )
        found.append(made)
    return found


_LEADS = """
INSERT INTO voice_lead (id, workspace_id, first_name, last_name, company, phone_e164, country, time_zone, notes, created_at,
                        tags, attempts)
SELECT uuidv7(), %s, 'First ' || n, 'Last ' || n, 'Company ' || n / 10, '+4930' || lpad(n::text, 8, '0'), 'DE',
       'Europe/Berlin', 'Met at the fair, asked for an offer.', %s - n * interval '1 second', '{}', 0
FROM generate_series(1, %s) AS n
"""
_SUPPRESSIONS = """
INSERT INTO compliance_suppression (id, workspace_id, number_key, reason, source, created_at, last_asked_at, lifted_source)
SELECT uuidv7(), %s, encode(sha256(n::text::bytea), 'hex'), 'asked_not_to_be_called', 'rep', %s, %s, ''
FROM generate_series(1, %s) AS n
"""
