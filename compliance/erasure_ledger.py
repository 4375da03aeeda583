"""The erasure ledger: who was erased, who must not be called or written to, whose data is used for nothing, and who has taken a consent
back, as keyed hashes, in a database of its own.

A backup of the product's database knows nothing of what was erased after it. So each erasure is entered here before anything
goes, and each entry has a number; the product's database notes up to which one it has seen them (LedgerMark). One that was
restored has seen fewer, and serves nobody until the rest was replayed (compliance/replaying.py; decision 0018).

What has to be entered is noted in the transaction that it tells of, and taken over by `write_out`: by an erasure before it goes on, by
the clock within seconds otherwise. While the ledger is away, notes wait, erasures wait with them, and everything else goes on.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Literal
from uuid import UUID, uuid5

import psycopg
from django.conf import settings
from django.db import connection, transaction
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from compliance.elements import ELEMENTS
from compliance.models import LedgerMark, LedgerNote
from processors.errors import DomainError
from processors.mail import send
from processors.pseudonyms import pseudonym

logger = logging.getLogger(__name__)

Kind = Literal[
    "erasure",
    "taken_back",
    "user",
    "workspace",
    "social",
    "lead",
    "suppression",
    "restriction",
    "transcript",
    "texts",
    "texts_of",
    "withdrawal",
    "top_up",
]
Connection = psycopg.Connection[tuple[Any, ...]]

# What its columns hold, as the inventories say it of the product's own.
COLUMNS: Final[dict[str, str]] = {
    "erasure_ledger.single": "none",
    "erasure_ledger.id": "none",
    "erasure_ledger.key_check": "none",
    "erasure_ledger.last_sequence": "none",
    "erasure_hash_key.single": "none",
    "erasure_hash_key.sealed": "none",
    "erasure_entry.sequence": "none",
    "erasure_entry.id": "none",
    "erasure_entry.kind": "erasure_ledger",
    "erasure_entry.key": "erasure_ledger",
    "erasure_entry.at": "erasure_ledger",
    "erasure_entry.detail": "erasure_ledger",
}
ELEMENT: Final = "erasure_ledger"
AT_ONCE_MAX: Final = 1_000
# Raised whenever more kinds of what a database knows by itself are entered: a ledger that is there already is told of it once.
REMEMBERED: Final = 1
# How long notes may wait before the operator is told, and how long until he is told again.
WAITS_TOO_LONG: Final = timedelta(minutes=15)
TOLD_EVERY: Final = timedelta(days=1)
# This database, this table of it, and when its server began: other ones wherever a backup was restored.
PLACE: Final = (
    "SELECT concat_ws('/', (SELECT oid FROM pg_database WHERE datname = current_database()),"
    " 'compliance_ledgermark'::regclass::oid, extract(epoch FROM pg_postmaster_start_time()))"
)
_NAMESPACE: Final = UUID("6f1f7a53-5a0c-5d6e-9c1b-0e5a1ed9e201")
_SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS erasure_ledger (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        id uuid NOT NULL,
        key_check text NOT NULL,
        last_sequence bigint NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS erasure_entry (
        sequence bigint PRIMARY KEY,
        id uuid NOT NULL UNIQUE,
        kind text NOT NULL,
        key text NOT NULL,
        at timestamptz NOT NULL,
        detail jsonb NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS erasure_entry_at ON erasure_entry (at)",
    """
    CREATE TABLE IF NOT EXISTS erasure_hash_key (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        sealed bytea NOT NULL
    )
    """,
)


class LedgerAway(DomainError):
    """The ledger does not answer. Nothing was entered; what was noted waits."""

    code: ClassVar[str] = "erasure_ledger_away"
    retryable: ClassVar[bool] = True


class LedgerStrange(DomainError):
    """This ledger is not the one that the database belongs with, or its end is missing; permanent until an operator acts."""

    code: ClassVar[str] = "erasure_ledger_strange"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    kind: "erasure" (of a person, with what was planned to go, by class), "taken_back" (an erasure before it began, known by when it
    was asked for), "user", "workspace", "social", "lead" (erased, must not come back), "suppression" (must not be called), "restriction"
    (of a person, whose data is used for nothing), "transcript" (of calls to a number, which are not written down), "texts" (a phone that wants no messages), "texts_of" (a person who wants none), "withdrawal" (by a person, of the consent
    to a purpose), "top_up" (which was stopped).
    key: keyed hash of whom or what it names (processors/pseudonyms.py). at: when it was; the term runs from it. sequence: 0 until it
    is entered.
    """

    kind: Kind
    key: str
    at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)
    sequence: int = 0


def note(entries: Iterable[Entry], *, now: datetime) -> None:
    """In the caller's transaction. What was entered once is not entered again."""
    rows = [
        LedgerNote(
            entry_id=_id_of(each), kind=each.kind, key=each.key, at=each.at, detail=dict(each.detail), noted_at=now
        )
        for each in entries
    ]
    LedgerNote.objects.bulk_create(rows, ignore_conflicts=True, batch_size=AT_ONCE_MAX)


def write_out(*, now: datetime) -> int:
    """Takes what waits to the ledger, oldest first; returns how many entries that were. Several may do it at once.

    Raises LedgerAway, LedgerStrange.
    """
    written = 0
    while LedgerNote.objects.exists():
        # One at a time, so that no entry gets a number that the database says it has seen before it has.
        with transaction.atomic():
            mark = LedgerMark.objects.select_for_update().first()
            if mark is None:
                raise LedgerAway("This database was not prepared: run `manage.py replay_erasures`.")
            notes = list(LedgerNote.objects.order_by("id")[:AT_ONCE_MAX])
            mark.sequence = _enter(mark, notes)
            mark.save(update_fields=["sequence"])
            # The ledger has them for good by now. Should this fail, the same ids are sent again and change nothing.
            LedgerNote.objects.filter(id__in=[each.id for each in notes]).delete()
        written += len(notes)
    return written


def write_out_soon(*, now: datetime) -> None:
    """The clock's part. A ledger that stays away is told to the operator, by log and, once a day, by mail."""
    try:
        write_out(now=now)
    except (LedgerAway, LedgerStrange) as error:
        oldest = LedgerNote.objects.order_by("noted_at").first()
        if oldest is None or oldest.noted_at > now - WAITS_TOO_LONG:
            return
        # Whoever claims the row tells.
        untold = LedgerMark.objects.exclude(told_at__gt=now - TOLD_EVERY)
        if not untold.update(told_at=now):
            return
        logger.error("erasures wait for the ledger", extra={"code": error.code, "count": LedgerNote.objects.count()})
        send(
            kind="erasure_ledger_away",
            to=[settings.OPERATOR_EMAIL or settings.DEFAULT_FROM_EMAIL],
            subject="Erasures wait: the erasure ledger takes nothing",
            text=(
                f"{error.message}\n\nSince {oldest.noted_at:%Y-%m-%d %H:%M} UTC nothing could be entered in the database that"
                " ERASURE_LEDGER_URL names. Erasures wait until it takes entries again, and then go on by themselves; everything"
                " else runs. People have been promised an end within 30 days.\n"
            ),
            row_id=oldest.id,
            attempt=1,
            headers={"Auto-Submitted": "auto-generated"},
        )


def make_tables(ledger: Connection) -> None:
    """Those that are not there yet."""
    for statement in _SCHEMA:
        ledger.execute(statement)


def prepare(*, remembered: Iterable[Entry], now: datetime, is_new: bool = False) -> None:
    """Makes the ledger's tables, and ties the database to the ledger when it meets it first. Repeating it changes nothing.

    remembered: what the database itself still knows, for a ledger that does not have it, or was told less by an older version of the
    product. is_new: the operator says that a ledger that is strange to the database is the right one from now on.
    Raises LedgerAway, LedgerStrange.
    """
    with transaction.atomic(), opened_ledger() as ledger:
        # In the order in which `write_out` locks them: across two servers nobody notices a deadlock.
        mark = LedgerMark.objects.select_for_update().first()
        make_tables(ledger)
        identity = uuid7()
        first = "INSERT INTO erasure_ledger (id, key_check) VALUES (%s, %s) ON CONFLICT DO NOTHING"
        ledger.execute(first, [identity, pseudonym("ledger", identity)])
        identity, last = _head(ledger)
        if mark is not None and not (why := strange(mark, identity, last)):
            if mark.remembered < REMEMBERED:
                _tell(remembered, now)
            return
        if mark is not None and not is_new:
            raise LedgerStrange(why)
        if mark is not None and mark.ledger == identity:
            # Its end is missing: numbers that were given out are not given out again.
            ledger.execute("UPDATE erasure_ledger SET last_sequence = %s", [mark.sequence])
        else:
            LedgerMark.objects.update_or_create(id=1, defaults={"ledger": identity, "sequence": 0})
        _tell(remembered, now)


def was_told_all() -> bool:
    """Whether the ledger has what this database knew by itself, of every kind that this version enters."""
    return LedgerMark.objects.filter(remembered__gte=REMEMBERED).exists()


def tell_all(remembered: Iterable[Entry], *, now: datetime) -> None:
    """For a database that a newer version of the product runs upon without having been prepared by it."""
    with transaction.atomic():
        _tell(remembered, now)


def unseen() -> int:
    """How many entries this database has not seen. Raises LedgerAway, LedgerStrange."""
    mark = LedgerMark.objects.first()
    if mark is None:
        raise LedgerStrange("This database was not prepared: run `manage.py replay_erasures`.")
    with opened_ledger() as ledger:
        identity, last = _head(ledger)
    if why := strange(mark, identity, last):
        raise LedgerStrange(why)
    return int(last - mark.sequence)


def seen_until() -> int:
    """The newest entry that this database has seen; -1 before it was prepared."""
    mark = LedgerMark.objects.values_list("sequence", flat=True).first()
    return -1 if mark is None else mark


def note_asked() -> None:
    """That a process found all of the ledger seen in this very database."""
    place = _place()
    LedgerMark.objects.exclude(asked_in=place).update(asked_in=place)


def was_asked() -> bool:
    """Whether one did since the database's server began."""
    return LedgerMark.objects.filter(asked_in=_place()).exists()


def _tell(remembered: Iterable[Entry], now: datetime) -> None:
    note(remembered, now=now)
    LedgerMark.objects.update(remembered=REMEMBERED)


def _place() -> str:
    with connection.cursor() as cursor:
        cursor.execute(PLACE)
        return str(cursor.fetchone()[0])


def note_seen(*, until: int) -> None:
    LedgerMark.objects.filter(sequence__lt=until).update(sequence=until)


def entries(*, after: int) -> Iterator[list[Entry]]:
    """In order, some at a time. Raises LedgerAway."""
    while True:
        with opened_ledger() as ledger:
            rows = ledger.execute(
                "SELECT kind, key, at, detail, sequence FROM erasure_entry WHERE sequence > %s ORDER BY sequence LIMIT %s",
                [after, AT_ONCE_MAX],
            ).fetchall()
        if not rows:
            return
        found = [Entry(*row) for row in rows]
        yield found
        after = found[-1].sequence


def last_sequence() -> int:
    """Of the newest entry. Raises LedgerAway, LedgerStrange."""
    with opened_ledger() as ledger:
        return _head(ledger)[1]


def term() -> timedelta:
    """How long an entry is kept."""
    return timedelta(days=ELEMENTS[ELEMENT].retention_days or 0)


def expire(*, now: datetime) -> int:
    """Removes entries whose term is over, as the inventory has it; returns how many. A ledger that is away is asked the next time."""
    try:
        with opened_ledger() as ledger:
            return ledger.execute("DELETE FROM erasure_entry WHERE at <= %s", [now - term()]).rowcount
    except LedgerAway as away:
        logger.warning("erasure ledger not tidied", extra={"code": away.code})
        return 0


@contextmanager
def opened_ledger() -> Iterator[Connection]:
    """A transaction there, committed at the end. Raises LedgerAway, and LedgerStrange where it was never prepared."""
    if not settings.ERASURE_LEDGER_URL:
        raise LedgerAway("ERASURE_LEDGER_URL names no database.")
    try:
        with psycopg.connect(
            settings.ERASURE_LEDGER_URL,
            **settings.DATABASE_LINE,
            application_name="klosesales",
            options="-c statement_timeout=60000 -c lock_timeout=10000",
        ) as ledger:
            yield ledger
    except psycopg.errors.UndefinedTable as error:
        raise LedgerStrange("The erasure ledger was not prepared: run `manage.py replay_erasures`.") from error
    except psycopg.Error as error:
        what = error.sqlstate or type(error).__name__
        raise LedgerAway(
            f"The database that ERASURE_LEDGER_URL names does not answer as it should ({what})."
        ) from error


def _head(ledger: Connection) -> tuple[UUID, int]:
    """Identity and last number. Locked until the transaction ends, so that entries are numbered in the order in which they are
    committed. Raises LedgerAway, LedgerStrange."""
    row = ledger.execute("SELECT id, key_check, last_sequence FROM erasure_ledger FOR UPDATE").fetchone()
    if row is None:
        raise LedgerStrange("The erasure ledger was not prepared: run `manage.py replay_erasures`.")
    identity, key_check, last = row
    if key_check != pseudonym("ledger", identity):
        # With it nobody would be found, and all would look well.
        raise LedgerStrange("The erasure ledger was written with another SUPPRESSION_KEY. Put that key back.")
    return identity, last


def strange(mark: LedgerMark, identity: UUID, last: int) -> str:
    """Why the ledger and the database do not belong together; empty when they do."""
    remedy = (
        "Restore the newest backup of the ledger. If it is lost for good, `manage.py replay_erasures --new-ledger` goes on with"
        " this one; what was erased after this database was backed up is then not known any more."
    )
    if mark.ledger != identity:
        return f"The database that ERASURE_LEDGER_URL names is not the ledger that this database belongs with. {remedy}"
    if mark.sequence > last:
        return f"The end of the erasure ledger is missing: it knows fewer erasures than this database. {remedy}"
    return ""


def _enter(mark: LedgerMark, notes: Sequence[LedgerNote]) -> int:
    """Returns up to where the database has seen the ledger with that: no further than before if others wrote in between."""
    with opened_ledger() as ledger:
        identity, last = _head(ledger)
        if why := strange(mark, identity, last):
            raise LedgerStrange(why)
        ids = [each.entry_id for each in notes]
        there = {row[0] for row in ledger.execute("SELECT id FROM erasure_entry WHERE id = ANY(%s)", [ids])}
        unseen_others = ledger.execute(
            "SELECT 1 FROM erasure_entry WHERE sequence > %s AND NOT id = ANY(%s) LIMIT 1", [mark.sequence, ids]
        ).fetchone()
        new = [each for each in notes if each.entry_id not in there]
        with ledger.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO erasure_entry (sequence, id, kind, key, at, detail) VALUES (%s, %s, %s, %s, %s, %s)",
                [
                    (last + place, each.entry_id, each.kind, each.key, each.at, Jsonb(each.detail))
                    for place, each in enumerate(new, start=1)
                ],
            )
        ledger.execute("UPDATE erasure_ledger SET last_sequence = %s", [last + len(new)])
    return mark.sequence if unseen_others else last + len(new)


def _id_of(entry: Entry) -> UUID:
    """What was erased is so once; what is asked for and taken back is known by its time."""
    when: list[Any] = [] if entry.kind in ("user", "workspace", "social", "lead") else [entry.at.timestamp()]
    if entry.kind != "erasure":
        when.append(entry.detail)
    return uuid5(_NAMESPACE, json.dumps([entry.kind, entry.key, *when], sort_keys=True))
