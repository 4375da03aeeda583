"""PostgreSQL refuses another workspace's rows by itself, when our own queries have forgotten to.

Planted once to see this fail: `confine` in identity/tenancy.py without its statement. 47 tests of another workspace's
rows turned red. The same in `naming`, by which requests of keys and sessions name theirs: 14 of keys.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import ProgrammingError, connection, transaction
from uuid_utils.compat import uuid7

from identity import tenancy
from identity.models import TenantQuerySet
from ledger.models import Entry
from ledger.operations.debits import Debit, debit
from tests.matrix import test_keys as keys
from tests.matrix.test_routes import Naming, asks, namings
from tests.matrix.world import World, rows_of
from voice.models import Call, Lead

pytestmark = pytest.mark.django_db
# Without the policy, see decision 0011: of a person, who is in several workspaces, or needed before anybody acts in one.
# A changed password ends a person's keys in all of them, and an address is invited so often a day, by whichever workspace.
NOT_GUARDED = {"session", "receipt", "person", "member", "invitation", "key", "workspace"}
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
            " WHERE table_schema = current_schema() AND column_name = 'workspace_id' AND table_name NOT LIKE 'identity_%%'"
            " AND data_type = 'uuid'"
        )
        with_workspace = {table for (table,) in cursor.fetchall()}
    assert len(guarded) > 15
    assert guarded == set(tenancy.guarded_tables())
    # What only notes a workspace's id, for people who look over all of them.
    assert with_workspace - guarded == {"compliance_auditevent", "compliance_suppression", "processors_disclosure"}


def test_most_identifiers_name_what_is_guarded_and_only_identitys_do_not() -> None:
    things = {naming.thing for naming in GUARDED}
    assert things == {"lead", "call", "segment", "checkout", "entry", "question", "webhook", "delivery"}
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


def test_what_a_confined_connection_may_read_change_and_make(world: World, confined: UUID) -> None:
    there = world.people["stranger"].membership.workspace_id
    assert set(Call.objects.get_queryset().values_list("workspace_id", flat=True)) == {confined}
    assert Lead.objects.get_queryset().filter(workspace_id=there).update(notes="changed") == 0
    with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        Lead.objects.get_queryset().filter(workspace_id=confined).update(workspace_id=there)
    tenancy.release()
    assert len(set(Call.objects.get_queryset().values_list("workspace_id", flat=True))) == 2


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
