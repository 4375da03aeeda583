"""PostgreSQL refuses another workspace's rows by itself, when our own queries have forgotten to.

Planted once to see this fail: `confine` in identity/tenancy.py without its statement. 47 tests of another workspace's
rows turned red. The same in `naming`, by which requests of keys and sessions name theirs: 14 of keys. The policy of one table
dropped, such as that of the record of acts: what is read from it, and the look at which tables have one.
"""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import pytest
from django.db import ProgrammingError, connection, transaction
from uuid_utils.compat import uuid7

from compliance import audit
from compliance.models import AuditEvent, Suppression
from identity import tenancy
from identity.models import TenantQuerySet
from identity.permissions import SCOPES
from ledger.models import Entry
from ledger.operations.debits import Debit, debit
from processors.disclosures import About, record
from processors.models import Disclosure
from tests.matrix import test_keys as keys
from tests.matrix.all_rows import rows_of
from tests.matrix.asker import Asker, Reply
from tests.matrix.doors import KEYED
from tests.matrix.expectations import Role
from tests.matrix.routes import Operation
from tests.matrix.test_routes import OPERATIONS, Naming, asks, namings
from tests.matrix.unscoped import Unscoped
from tests.matrix.world import World
from voice.models import Call, Lead

pytestmark = pytest.mark.django_db
# Without the policy, see decision 0011: of a person, who is in several workspaces, or needed before anybody acts in one.
NOT_GUARDED = {"session", "receipt", "person", "member", "workspace"}
READS = [one for one in OPERATIONS.values() if one.method == "GET"]
# What a second asking may find changed; an invoice's address is another each time.
MADE_ANEW = re.compile(r'"((as_of|url)":"[^"]+|(duration_s|seconds_left)":\d+)')
GUARDED = [naming for naming in sorted(namings(), key=str) if naming.thing not in NOT_GUARDED]


@pytest.fixture
def confined(world: World) -> Iterator[UUID]:
    here = world.people["rep"].membership.workspace_id
    tenancy.confine(here)
    yield here
    tenancy.release()


def test_every_table_of_a_workspaces_rows_is_guarded_even_from_its_owner(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid"
            " WHERE relrowsecurity AND relforcerowsecurity AND polname = 'own_workspace'"
        )
        guarded = {table for (table,) in cursor.fetchall()}
        cursor.execute(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND column_name = 'workspace_id' AND table_name <> 'identity_membership'"
            " AND data_type = 'uuid'"
        )
        with_workspace = {table for (table,) in cursor.fetchall()}
    assert len(guarded) > 15
    assert guarded == set(tenancy.guarded_tables())
    assert with_workspace <= guarded


def test_most_identifiers_name_what_is_guarded_and_only_identitys_do_not() -> None:
    things = {naming.thing for naming in GUARDED}
    assert things == {
        "lead",
        "call",
        "segment",
        "checkout",
        "entry",
        "question",
        "webhook",
        "delivery",
        "invitation",
        "key",
    }
    assert len(GUARDED) > 3 * len(things)


@pytest.mark.parametrize("naming", GUARDED, ids=str)
def test_without_our_own_scope_the_database_still_shows_nothing_of_another_workspace(
    world: World, naming: Naming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TenantQuerySet, "for_workspace", lambda rows, _: rows.all())
    stranger = world.people["stranger"]
    before = rows_of(stranger)
    foreign = asks(world, naming.operation, naming.role, {naming.identifier: stranger.things[naming.thing]})
    unknown = asks(world, naming.operation, naming.role, {naming.identifier: uuid7()})
    assert foreign.status == unknown.status, foreign.text
    assert [word for word in stranger.canaries if word in foreign.text] == []
    assert rows_of(stranger) == before


@pytest.mark.parametrize("naming", [one for one in keys.NAMINGS if one.thing not in NOT_GUARDED], ids=str)
def test_without_our_own_scope_a_key_is_shown_nothing_of_another_workspace_either(
    world: World, naming: keys.Naming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TenantQuerySet, "for_workspace", lambda rows, _: rows.all())
    keys.answers_as_to_nothing(world, naming)


Ask = Callable[[Operation], Reply]


def asking(world: World, way: Role | Literal["key"]) -> Ask:
    if way != "key":
        return lambda operation: asks(world, operation, way, {})
    key = keys.key_of(world, *SCOPES)
    return lambda operation: keys.asks(world, operation, key)


def read_unscoped(world: World, operation: Operation, ask: Ask) -> tuple[Unscoped, Reply]:
    unscoped = Unscoped(world.people["rep"].membership.workspace_id)
    with connection.execute_wrapper(unscoped):
        return unscoped, ask(operation)


def said(reply: Reply) -> tuple[int, str]:
    """Without what a second asking may find changed."""
    return reply.status, MADE_ANEW.sub("", reply.text)


@pytest.mark.parametrize("way", ["owner", "rep", "key"])
def test_whatever_is_read_says_the_same_when_every_query_has_forgotten_its_workspace(
    world: World, way: Literal["owner", "rep", "key"]
) -> None:
    """Each read there is, lists and figures too, as the routes themselves say."""
    reads = [one for one in READS if way != "key" or one.operation_id in KEYED]
    ask = asking(world, way)
    forgetful, not_confined = set(), set()
    for operation in reads:
        unscoped, reply = read_unscoped(world, operation, ask)
        if unscoped.kept:
            not_confined.add(operation.operation_id)
        if unscoped.forgotten:
            forgetful.add(operation.operation_id)
            assert said(reply) == said(ask(operation)), operation.operation_id
        assert [word for word in world.people["stranger"].canaries if word in reply.text] == []
    assert len(forgetful) > 9
    # Of the person, in all their workspaces: nothing stands behind our own queries there.
    assert not_confined <= {"list_expiring_data"}


def test_without_the_policies_the_same_queries_show_what_is_another_workspaces(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what the test before finds nothing of can be found."""
    monkeypatch.setattr(Asker, "lean", None)
    with connection.cursor() as cursor:
        for table in tenancy.guarded_tables():
            cursor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    telling, ask = set(), asking(world, "owner")
    for operation in READS:
        unscoped, reply = read_unscoped(world, operation, ask)
        if unscoped.forgotten and said(reply) != said(ask(operation)):
            telling.add(operation.operation_id)
    assert telling >= {
        "check_dial",
        "export_statement",
        "get_burn_down",
        "get_credits",
        "get_statement",
        "get_top_up",
        "list_activity",
        "list_calls",
        "list_leads",
        "list_purchases",
        "list_queue_workers",
        "list_tags",
        "list_team_looks",
        "list_team_spending",
        "list_webhooks",
    }


def test_what_a_confined_connection_may_read_change_and_make(world: World, confined: UUID) -> None:
    there = world.people["stranger"].membership.workspace_id
    assert set(Call.objects.get_queryset().values_list("workspace_id", flat=True)) == {confined}
    assert Lead.objects.get_queryset().filter(workspace_id=there).update(notes="changed") == 0
    with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        Lead.objects.get_queryset().filter(workspace_id=confined).update(workspace_id=there)
    tenancy.release()
    assert len(set(Call.objects.get_queryset().values_list("workspace_id", flat=True))) == 2


def test_what_a_confined_connection_sees_and_does_where_rows_only_note_a_workspaces_id(world: World) -> None:
    here, there = (world.people[name].membership.workspace_id for name in ("rep", "stranger"))
    now = datetime.now(UTC)

    def note(workspace_id: UUID | None) -> None:
        audit.record(
            workspace_id=workspace_id, actor_ref="test", action="texts.allowed", target="test", detail={}, now=now
        )

    def tell(workspace_id: UUID | None) -> None:
        whom = About(phone_e164="+12025550198", workspace_id=workspace_id)
        record(processor="twilio", endpoint="calls", data_classes=["mobile"], whom=whom, now=now)

    def forbid(workspace_id: UUID | None) -> None:
        Suppression.objects.create(
            workspace_id=workspace_id, number_key="test", reason="test", source="test", created_at=now
        )

    for workspace_id in (here, there, None):
        note(workspace_id)
        tell(workspace_id)
        forbid(workspace_id)
    with tenancy.confined(here):
        seen = [
            set(table.objects.values_list("workspace_id", flat=True)) for table in (AuditEvent, Disclosure, Suppression)
        ]
        assert seen == [{here}, {here, None}, {here, None}]
        # Whoever accepts an invitation acts in another workspace than the one of their session.
        note(there)
        tell(None)
        with pytest.raises(ProgrammingError, match="row-level security"):
            tell(there)
        # Whom nobody may call is not for a workspace to say.
        for refused in (
            lambda: forbid(there),
            lambda: forbid(None),
            lambda: Suppression.objects.filter(number_key="test").update(lifted_at=now),
        ):
            with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
                refused()
    assert AuditEvent.objects.filter(actor_ref="test", workspace_id=there).count() == 2
    assert Disclosure.objects.get(workspace_id=None, person=About(phone_e164="+12025550198").person).count == 2


def test_who_books_for_others_too_is_not_confined_meanwhile_and_is_so_again_afterwards(world: World) -> None:
    here = world.people["rep"].membership.workspace_id
    stranger = world.people["stranger"].membership

    def book() -> tuple[Debit, bool]:
        # A thread of its own books outside the test's transaction, as a request does.
        try:
            tenancy.confine(here)
            booked = debit(
                workspace_id=stranger.workspace_id,
                key="for-another",
                amount_mcredits=1,
                kind="ai_query",
                reference="question",
                now=stranger.created_at,
            )
            return booked, Entry.objects.get_queryset().filter(id=booked.entry_id).exists()
        finally:
            tenancy.release()
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        booked, seen = threads.submit(book).result()
    assert not seen
    assert Entry.objects.get_queryset().get(id=booked.entry_id).workspace_id == stranger.workspace_id


def test_a_connection_that_comes_back_confined_is_free_for_who_takes_it_next(world: World) -> None:
    here = world.people["rep"].membership.workspace_id

    def give_back_and_take() -> set[UUID]:
        try:
            tenancy.confine(here)
            tenancy.release()
            return set(Call.objects.get_queryset().values_list("workspace_id", flat=True))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        assert len(threads.submit(give_back_and_take).result()) == 2


def test_a_connection_that_comes_back_confined_books_for_all_workspaces_nevertheless(world: World) -> None:
    """Each of the pool's in turn, since it is chance which of them is taken."""
    here = world.people["rep"].membership.workspace_id
    stranger = world.people["stranger"].membership

    def give_back_and_book(number: int) -> Debit:
        try:
            tenancy.confine(here)
            tenancy.release()
            return debit(
                workspace_id=stranger.workspace_id,
                key=f"for-another-{number}",
                amount_mcredits=1,
                kind="ai_query",
                reference="question",
                now=stranger.created_at,
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        booked = [threads.submit(give_back_and_book, number).result() for number in range(10)]
    assert not any(each.repeated for each in booked)


def test_a_connection_in_the_place_of_one_that_broke_sees_no_more_than_that(world: World) -> None:
    here = world.people["rep"].membership.workspace_id

    def go_on() -> set[UUID]:
        try:
            tenancy.confine(here)
            # As Django does when it finds it unusable; whoever asks next is given another.
            connection.close()
            return set(Call.objects.get_queryset().values_list("workspace_id", flat=True))
        finally:
            tenancy.release()
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(go_on).result() == {here}
