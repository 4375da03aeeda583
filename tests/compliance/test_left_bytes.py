"""The last bytes of what a term has ended leave the database's files in time, where no erasure removes them before.

Planted bugs that this catches: retention that notes nothing; a rewrite that comes too early, too late, or again and again; one that takes
for removed what was ended while it went on.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from huey.contrib.djhuey import HUEY

from ai.models import AiQuery
from compliance import left_bytes, online_rewrite, retention, rewrite, tasks
from compliance.models import LeftBytes
from config.management.commands.clock import LANES
from tests.compliance.test_erasure import NOW, bytes_on_disk, plant
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from voice.models import Call

pytestmark = pytest.mark.django_db(transaction=True)
ENDED, STAYS = "this is Glumdalclitch speaking", "this is Munodi speaking"
DAY = timedelta(days=1)


def checkpoint() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")


@pytest.mark.policy("C6.1")
def test_the_bytes_of_ended_text_are_gone_within_the_days_that_the_page_says_and_others_stay(
    make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HUEY, "immediate", True)
    member = make_account()
    plant(member, "Glumdalclitch", "+37060012345", lines=20)
    plant(member, "Munodi", "+37060054321", lines=20)
    # Of a call of half a year ago the term is over.
    Call.objects.get_queryset().filter(idempotency_key="Glumdalclitch").update(ended_at=NOW - 190 * DAY)
    retention.expire(now=NOW - left_bytes.LEFT_FOR - timedelta(minutes=1))
    assert LeftBytes.objects.get().since is not None
    checkpoint()
    assert bytes_on_disk(ENDED) and bytes_on_disk(STAYS)
    tasks.remove_left_bytes(now=NOW - DAY)
    assert bytes_on_disk(ENDED)
    assert tasks.remove_left_bytes in {work for rounds in LANES.values() for _, work in rounds}
    tasks.remove_left_bytes(now=NOW)
    assert bytes_on_disk(ENDED) == 0
    assert bytes_on_disk(STAYS)
    assert (LeftBytes.objects.get().since, left_bytes.newest()) == (None, None)
    promised = Browser().get("/api/data-kinds")[1]["bytes_gone_after_days"]
    assert promised * DAY > left_bytes.LEFT_FOR


@pytest.mark.policy("C6.1", "C7.2")
def test_what_people_remove_or_put_right_leaves_the_files_within_the_same_days(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    """Red when one of these acts notes nothing: its old bytes then wait for whatever comes."""
    member = make_account()
    plant(member, "Glumdalclitch", "+37060012345", lines=2)
    call, page = Call.objects.get_queryset().get(), sign_in(member)
    line = f"/api/segments/{call.segments.get(sequence=1).id}"
    LeftBytes.objects.all().delete()

    def notes_it(answer: tuple[int, Any]) -> bool:
        assert answer[0] in (200, 204), answer
        noted = LeftBytes.objects.filter(since__isnull=False).delete()[0]
        return bool(noted)

    assert not notes_it(page.patch(f"/api/calls/{call.id}", {"notes": "Has a boat."})), "nothing stood there before"
    assert notes_it(page.patch(f"/api/calls/{call.id}", {"notes": "Has two boats."}))
    assert notes_it(page.patch(f"/api/leads/{call.lead_id}", {"notes": "Likes boats."}))
    assert notes_it(page.patch(f"/api/leads/{call.lead_id}", {"first_name": "Glum"}))
    assert notes_it(page.patch(line, {"sequence": 1, "text": "other words"}))
    assert not notes_it(page.patch(f"/api/leads/{call.lead_id}", {"first_name": "Glum"})), "it is called so already"
    asked = AiQuery.objects.create(
        workspace=member.workspace,
        user_id=member.user_id,
        idempotency_key="asked",
        question="Who has a boat?",
        status="not_in_your_calls",
        searched_calls=1,
        searched_passages=1,
        cited=0,
        charged_mcredits=0,
        asked_at=NOW,
    )
    assert notes_it(page.delete(f"/api/questions/{asked.id}"))
    assert notes_it(page.delete(f"/api/leads/{call.lead_id}"))


def test_what_ends_while_a_rewrite_goes_on_is_left_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    left_bytes.note_ended(now=NOW - 9 * DAY)
    monkeypatch.setattr(rewrite, "personal_tables", list)
    clear = online_rewrite.clear

    def ends_meanwhile() -> None:
        clear()
        left_bytes.note_ended(now=NOW - 2 * DAY)

    monkeypatch.setattr(online_rewrite, "clear", ends_meanwhile)
    rewrite.rewrite_bytes()
    left = LeftBytes.objects.get()
    assert (left.since, left.newest_at) == (NOW - 2 * DAY, NOW - 2 * DAY)
    assert not left_bytes.are_due(now=NOW) and left_bytes.are_due(now=NOW + 4 * DAY)


def test_what_ends_again_and_again_is_removed_once_in_that_time() -> None:
    rewrites = 0
    for hours in range(24 * 13):
        now = NOW + timedelta(hours=hours)
        left_bytes.note_ended(now=now)
        if left_bytes.are_due(now=now):
            rewrites += 1
            left_bytes.note_removed(until=left_bytes.newest())
    assert rewrites == 2
