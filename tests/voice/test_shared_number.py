"""Complaints over all workspaces, which call from one number: the operator hears of them, and those whom people do not want pause.

Planted bugs that this catches: a person counted once for each workspace that called them, or one whom nobody called; a pause of everybody, or of nobody; a sum that
never pauses anybody below its own limit; a mail each round; a pause that comes back by the complaints that somebody has looked at.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.test import override_settings
from uuid_utils.compat import uuid7

from compliance import suppression
from config.management.commands.clock import LANES
from identity.models import Membership
from tests.identity.conftest import MakeAccount, SignIn
from tests.voice.carrier import Placed, give_credit, new_lead
from tests.voice.queues import call, ends
from tests.voice.test_guard import pause_of, refused, stops
from voice import shared_number
from voice.models import Call, Lead

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
# Who asks a team not to call, and how many of its calls were answered: each stays below the limit of its own.
TEAMS: Mapping[str, tuple[int, int]] = {
    "ann": (4, 6), "bob": (4, 70), "cem": (4, 90), "dov": (4, 90), "fay": (4, 90), "eve": (1, 1),
}  # fmt: skip


def answered(member: Membership, lead: Lead, *, more: int) -> Placed:
    """A call that the lead answered, and so many more like it."""
    placed = call(member, lead, now=datetime.now(UTC))
    like = ends(placed, "completed")
    Call.objects.bulk_create(
        Call(
            workspace_id=member.workspace_id,
            lead_id=lead.id,
            user_id=member.user_id,
            idempotency_key=str(uuid7()),
            status="completed",
            rate_card_id=like.rate_card_id,
            max_duration_s=60,
            created_at=like.created_at - timedelta(days=1),
            answered_at=like.answered_at,
            ended_at=like.ended_at,
        )
        for _ in range(more)
    )
    return placed


def step(work: Callable[..., object], now: datetime) -> None:
    """As the clock does it."""
    [mine] = [each for lane in LANES.values() for _, each in lane if each == work]
    mine(now=now)


def round_of_the_clock(now: datetime) -> list[str]:
    """What the operator finds in the mailbox after it."""
    before = len(mail.outbox)
    step(shared_number.look_at_all, now)
    step(shared_number.send_complaint_alerts, now)
    assert all(each.to == ["operator@example.com"] for each in mail.outbox[before:])
    return [str(each.body) for each in mail.outbox[before:]]


@override_settings(OPERATOR_EMAIL="operator@example.com")
def test_teams_that_are_each_below_their_limit_are_looked_at_together(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    teams: dict[str, Membership] = {}
    spoken: dict[str, list[Placed]] = {}
    for at, (name, (people, calls)) in enumerate(TEAMS.items()):
        teams[name] = make_account(email=f"{name}@example.com", mobile=f"+1 202 555 018{at}")
        give_credit(teams[name], 10_000_000)
        if name == "eve":
            # Called whom the first team had called.
            same = Lead.objects.create(
                workspace_id=teams[name].workspace_id,
                phone_e164=spoken["ann"][0].row.lead.phone_e164,
                created_at=NOW,
            )
            answered(teams[name], same, more=0)
            continue
        spoken[name] = [
            answered(teams[name], new_lead(teams[name]), more=0 if n else calls - people) for n in range(people)
        ]
    pages = {name: sign_in(teams[name]) for name in ("ann", "bob", "cem", "eve")}

    def paused() -> list[str]:
        return [name for name, page in pages.items() if pause_of(page)]

    everybody = [placed for each in spoken.values() for placed in each]
    stops(everybody[0], None)
    for placed in everybody[1:-1]:
        stops(placed, str(placed.row.workspace_id))
    for n in range(20):
        suppression.suppress(
            workspace_id=teams["cem"].workspace_id,
            phone_e164=f"+1212555{n:04}",
            reason="asked_not_to_be_called",
            source="import",
            now=datetime.now(UTC),
        )
    # Nineteen people, one of whom two teams called; and twenty whom nobody called.
    assert (round_of_the_clock(datetime.now(UTC)), paused()) == ([], [])
    stops(everybody[-1], str(everybody[-1].row.workspace_id))
    assert paused() == []
    now = datetime.now(UTC)
    [told] = round_of_the_clock(now)
    assert paused() == ["ann", "bob"]
    assert "20 people" in told
    for name, (people, calls) in TEAMS.items():
        assert f"{teams[name].workspace_id}: {people} of {calls}\n" in told
    assert {each.call_id for each in spoken["ann"]} == {each["id"] for each in pause_of(pages["ann"])["calls"]}
    assert refused(pages["ann"], new_lead(teams["ann"])) == ["dialling_paused"]
    assert refused(pages["cem"], new_lead(teams["cem"])) == []

    assert pages["ann"].delete("/api/dial-pause")[0] == 204
    assert round_of_the_clock(now + timedelta(hours=23)) == []
    assert paused() == ["bob"]
    # Two more people of whom the first team called after somebody had looked at it.
    for _ in range(2):
        stops(answered(teams["ann"], new_lead(teams["ann"]), more=0), str(teams["ann"].workspace_id))
    [again] = round_of_the_clock(datetime.now(UTC) + timedelta(hours=25))
    assert "22 people" in again
    assert paused() == ["ann", "bob"]

    # What was taken back before the mail server took the mail is not told.
    later = datetime.now(UTC) + timedelta(hours=50)
    step(shared_number.look_at_all, later)
    for placed in everybody[1:]:
        phone = placed.row.lead.phone_e164 or ""
        suppression.lift(workspace_id=placed.row.workspace_id, phone_e164=phone, source="callee_page", now=later)
    step(shared_number.send_complaint_alerts, later)
    assert len(mail.outbox) == 2
