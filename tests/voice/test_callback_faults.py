"""Whatever befalls the carrier's callbacks on their way, a call ends as the one beside it that nothing befell.

Planted bug that this catches: a leg whose end was never told and that nobody asks about.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from identity.models import Membership, User
from tests.ledger.books import broken
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import give_credit
from tests.voice.test_callbacks import rebuilt_otherwise
from tests.voice.test_outage import dialled, fresh, until
from voice import reconcile
from voice.models import Call
from voice.state import LEG_TERMINAL

pytestmark = pytest.mark.django_db(transaction=True)
FAULTS = {"none": 0, "delay": 400, "duplicate": 2, "reorder": 500, "drop": 0, "error": 0, "timeout_after_accept": 0}


@pytest.fixture
def team(make_account: Callable[..., Membership]) -> list[Membership]:
    """A rep for each call."""
    owner, now = make_account(), datetime.now(UTC)
    give_credit(owner, 1_000_000)
    users = User.objects.bulk_create(
        User(email=f"{name}@example.com", first_name=name, mobile_e164=f"+1312555014{number}", created_at=now)
        for number, name in enumerate(FAULTS)
    )
    return Membership.objects.bulk_create(
        Membership(workspace_id=owner.workspace_id, user=user, role="rep", created_at=now) for user in users
    )


def begun(sandbox: Sandbox, rep: Membership, number: int) -> Call:
    """The rep picks up when the fault is there; the lead answers, and hangs up at once."""
    name, lead = rep.user.first_name, f"+1312555016{number}"
    sandbox.ask("POST", f"/phones/{lead}", {"behaviour": "hang-up"})
    sandbox.ask("POST", f"/phones/{rep.user.mobile_e164}", {"behaviour": "manual"})
    call = dialled(rep, lead)
    sid = call.legs.get().sid
    if name != "none":
        # The end of the lead's leg.
        sandbox.fail("twilio.callbacks", name, FAULTS[name], ParentCallSid=sid, CallStatus="completed")
    until(lambda: sandbox.ask("GET", f"/calls/{sid}")["status"] == "ringing")
    sandbox.ask("POST", f"/calls/{sid}/answer")
    return call


def test_a_callback_that_is_late_repeated_overtaken_lost_or_unsigned_changes_no_end(
    team: list[Membership], sandbox: Sandbox, live_server: LiveServer, settings: Any
) -> None:
    settings.PUBLIC_URL = live_server.url
    calls = {rep.user.first_name: begun(sandbox, rep, number) for number, rep in enumerate(team)}
    until(lambda: {leg["status"] for leg in sandbox.ask("GET", "/calls")} <= LEG_TERMINAL)
    until(lambda: {each["kind"] for each in sandbox.ask("GET", "/faults") if each["struck"]} == {*FAULTS} - {"none"})

    def ends() -> dict[str, tuple[object, ...]]:
        found = {name: fresh(call) for name, call in calls.items()}
        return {
            name: (
                call.status,
                call.end_reason,
                call.outcome,
                call.duration_s,
                call.charged_mcredits,
                sorted_legs(call),
            )
            for name, call in found.items()
        }

    def are_equal() -> bool:
        for call in calls.values():
            reconcile.reconcile_call(call_id=call.id, now=datetime.now(UTC))
        return len(set(ends().values())) == 1

    until(are_equal)
    assert not any(fresh(call).is_live for call in calls.values()), ends()
    assert broken() == []
    assert rebuilt_otherwise() == []


def sorted_legs(call: Call) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(call.legs.values_list("role", "status")))
