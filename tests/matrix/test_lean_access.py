"""What ends an access ends it for the lean reads too; their connections show one workspace, take no write, and may break.

Planted once each to see this fail: the workspace neither named by the look-up nor asked for (a connection showed another workspace's
leads), and a banned account's session let in.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from uuid_utils.compat import uuid7

from identity import known, tenancy
from identity.auth import Actor
from identity.compiled import Plain
from identity.models import ApiKey, Membership, Session, User
from identity.reading import ReadingFailed
from tests.matrix.both_ways import alike, both, committed, door, moment
from tests.matrix.lean_door import LeanDoor, shown_by
from tests.matrix.test_keys import key_of
from tests.matrix.world import World, copied

__all__ = ["door", "moment"]
pytestmark = pytest.mark.django_db


def test_what_ends_or_changes_an_access_does_so_at_the_next_request(
    world: World, door: LeanDoor, moment: datetime
) -> None:
    user_id = world.people["manager"].membership.user_id
    path, browser = f"/api/calls/{world.people['colleague'].things['call']}", world.browser_of("manager")
    session, person = Session.objects.filter(user_id=user_id), User.objects.filter(id=user_id)
    member, rows = Membership.objects.filter(user_id=user_id), list(session)
    changes: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
        (lambda: member.update(role="rep"), lambda: member.update(role="manager")),
        (lambda: person.update(is_active=False), lambda: person.update(is_active=True)),
        (lambda: session.update(phone_verified_at=None), lambda: session.update(phone_verified_at=moment)),
        (lambda: session.update(expires_at=moment), lambda: session.update(expires_at=moment + timedelta(days=1))),
        # A use that has to be noted.
        (
            lambda: session.update(last_used_at=moment - timedelta(minutes=6)),
            lambda: session.update(last_used_at=moment),
        ),
        (lambda: session.update(last_used_at=moment - timedelta(days=5)), lambda: session.update(last_used_at=moment)),
        (lambda: session.delete(), lambda: Session.objects.bulk_create(rows)),
    ]
    for change, back in changes:
        alike(door, browser, path)
        committed(change)
        try:
            assert door.ask(path, shown_by(browser.client)) is None
        finally:
            committed(back)
    alike(door, browser, path)


def test_the_connection_shows_no_other_workspace_and_takes_no_write(world: World, door: LeanDoor) -> None:
    """Were our own queries to forget the workspace, PostgreSQL would not."""
    here, there = (world.people[name].membership.workspace_id for name in ("rep", "stranger"))
    count = Plain("SELECT count(*)::int FROM voice_lead WHERE workspace_id = %s")

    async def counted(key: str | None) -> list[int]:
        reading = await door.readings.take()
        try:
            if key is not None:
                assert await known.person(reading, session_key=key, now=datetime.now(UTC)) is not None
            return [(await reading.all(count.asked(workspace)))[0][0][0] for workspace in (here, there)]
        finally:
            door.readings.give(reading)

    rep, stranger = (world.people[name].browser.session_cookie for name in ("rep", "stranger"))
    mine, none = door.run(counted(rep))
    assert mine > 0 and none == 0
    none, theirs = door.run(counted(stranger))
    assert theirs > 0 and none == 0

    async def written() -> None:
        reading = await door.readings.take()
        try:
            await reading.all(Plain("UPDATE voice_lead SET notes = 'x' WHERE id = %s RETURNING 1").asked(uuid7()))
        finally:
            door.readings.give(reading)

    with pytest.raises(ReadingFailed):
        door.run(written())


def test_a_programs_key_is_found_by_a_connection_that_named_another_workspace_last(
    world: World, door: LeanDoor
) -> None:
    """Planted once to see this fail: the key looked for without naming none before."""
    key = committed(lambda: key_of(world, "leads:read"))
    # Its use is noted before, which is Django's to do.
    committed(lambda: ApiKey.objects.get_queryset().update(last_used_at=datetime.now(UTC)))

    async def story() -> Actor | None:
        reading = await door.readings.take()
        try:
            stranger = world.people["stranger"].browser.session_cookie
            assert await known.person(reading, session_key=stranger or "", now=datetime.now(UTC)) is not None
            return await known.program(reading, key=key, scope="leads:read", now=datetime.now(UTC))
        finally:
            door.readings.give(reading)

    try:
        found = door.run(story())
    finally:
        committed(lambda: ApiKey.objects.get_queryset().filter(name="A program").delete())
    assert found is not None and found.workspace_id == world.people["rep"].membership.workspace_id


def test_a_row_that_did_not_confine_the_connection_opens_nothing(
    world: World, door: LeanDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenancy, "CONFINED_TO", "policy_version")
    assert both(door, world.browser_of("owner"), "/api/leads")[1] is None


def test_when_the_database_is_away_django_says_so(world: World) -> None:
    browser = world.browser_of("owner")
    with closing(LeanDoor(1)) as door:
        alike(door, browser, "/api/leads")
        (reading,) = door.readings.all_open()
        committed(lambda: connection.cursor().execute("SELECT pg_terminate_backend(%s)", [reading.backend]))
        # Whoever meets the broken connection is handed on; the next gets another.
        answers = [door.ask("/api/leads", shown_by(browser.client)) for _ in range(2)]
        assert answers[-1] is not None
        assert len(door.readings.all_open()) == 1
    with closing(LeanDoor(0)) as door:
        assert door.ask("/api/leads", shown_by(browser.client)) is None


@pytest.mark.parametrize("asked", [True, False])
def test_a_connection_that_the_server_ended_leaves_its_number_to_the_next_socket(
    world: World, door: LeanDoor, asked: bool
) -> None:
    """The loop would take a client that connects next for the old connection, and never read it."""

    async def ended() -> bool:
        reading = await door.readings.take()
        end = Plain("SELECT pg_terminate_backend(%s)")
        try:
            if asked:
                with pytest.raises(ReadingFailed):
                    await reading.all(end.asked(reading.backend))
            else:
                await asyncio.to_thread(
                    committed, lambda: connection.cursor().execute(end.compiled.sql, [reading.backend])
                )
            while not reading.closed:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            return door.loop.remove_reader(reading.descriptor) or door.loop.remove_writer(reading.descriptor)
        finally:
            door.readings.give(reading)

    assert door.run(ended()) is False
    alike(door, world.browser_of("owner"), "/api/leads")


@pytest.mark.parametrize("rest_s", [60, 0])
def test_after_the_database_was_slow_django_is_asked_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch, rest_s: int
) -> None:
    monkeypatch.setattr("identity.reading.REST_S", rest_s)
    limit = Plain("SELECT set_config('statement_timeout', '20', false)").asked()

    async def slow(door: LeanDoor) -> None:
        taken = await door.readings.take()
        try:
            await taken.all(limit)
            await taken.all(Plain("SELECT pg_sleep(10)::text").asked())
        finally:
            door.readings.give(taken)

    with closing(LeanDoor(1)) as door:
        with pytest.raises(ReadingFailed):
            door.run(slow(door))
        answer = door.ask("/api/leads", shown_by(world.browser_of("owner").client))
        assert (answer is None, len(door.readings.all_open())) == ((True, 0) if rest_s else (False, 1))


def test_the_patience_for_a_connection_does_not_shorten_the_reading(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = world.browser_of("owner")
    with closing(LeanDoor(1)) as door:
        alike(door, browser, "/api/leads")
        (opened,) = door.readings.all_open()
        monkeypatch.setattr("identity.reading.TAKEN_WITHIN_S", 0)
        alike(door, browser, "/api/leads")
        assert door.run(door.readings.take()) is opened
        assert door.ask("/api/leads", shown_by(browser.client)) is None
        door.loop.call_soon_threadsafe(door.readings.give, opened)
        assert not opened.closed
        # Whoever waited in vain saves the next the wait.
        assert door.ask("/api/leads", shown_by(browser.client)) is None


def test_what_has_not_the_form_of_a_session_or_key_takes_no_connection(world: World) -> None:
    session = f"{settings.SESSION_COOKIE_NAME}="
    made_up = [{"Cookie": session + value} for value in ("x", "x" * 42, "x" * 44, "x" * 42 + ".")]
    made_up += [{"Authorization": f"Bearer {value}"} for value in ("x" * 49, "klose_x", f"klose_{'x' * 44}")]
    with closing(LeanDoor(1)) as door:
        for shown in made_up:
            assert door.ask("/api/leads", {"Host": "testserver", **shown}) is None
        assert door.readings.all_open() == []
        assert door.ask("/api/leads", {"Host": "testserver", "Cookie": session + "x" * 43}) is None
        assert len(door.readings.all_open()) == 1
        alike(door, world.browser_of("owner"), "/api/leads")


def test_many_at_once_share_few_connections(world: World) -> None:
    browsers = [copied(world.people[name].browser) for name in ("rep", "manager", "owner", "stranger")]
    with closing(LeanDoor(2)) as door, ThreadPoolExecutor(16) as threads:
        usual = [alike(door, browser, "/api/credits") for browser in browsers]
        found = list(threads.map(lambda browser: door.ask("/api/credits", shown_by(browser.client)), browsers * 8))
        assert len(door.readings.all_open()) == 2
    assert found == usual * 8
