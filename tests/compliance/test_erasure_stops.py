"""Whoever is being erased is out before their calls end, and no call that was being placed meanwhile is forgotten."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from compliance import erasure
from compliance.models import Request
from compliance.stores import Subject
from identity.models import Membership
from tests.compliance.test_erasure import SOON, CarrierAway, accounts, ask_to_be_erased, with_store
from tests.identity.conftest import SignIn
from voice.models import Call

__all__ = ["accounts", "with_store"]


@pytest.mark.policy("C6.2")
def test_while_a_call_is_being_ended_nobody_of_the_erased_places_another(
    accounts: tuple[Membership, Membership], sign_in: SignIn
) -> None:
    """Red when calls are ended first: as long as one goes on, the person signs in and dials."""
    leaving = accounts[0]
    Call.objects.filter(user=leaving.user).update(status="in_progress", ended_at=None)
    browser = sign_in(leaving)
    browser.post("/api/privacy/erasure", {"confirm": leaving.user.email, "when": "now"})
    assert browser.get("/api/calls")[0] == 200
    assert erasure.run_due_erasures(now=SOON) == 0
    assert Call.objects.get(user=leaving.user).hangup_requested_at is not None
    assert browser.get("/api/calls")[0] == 401


class Dialling(CarrierAway):
    """A request to dial that began before everything stopped and is through only now."""

    def __init__(self, member: Membership) -> None:
        super().__init__()
        self._member = member

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        if self.away:
            Call.objects.filter(user=self._member.user).update(status="queued", ended_at=None)
        return {}


@pytest.mark.policy("C6.2")
def test_a_call_that_was_being_placed_while_everything_stopped_is_ended_before_its_row_goes(
    accounts: tuple[Membership, Membership], sign_in: SignIn, with_store: Callable[[Any], None]
) -> None:
    """Red when erasing looks for no live calls of its own: the row goes, and the call that it placed rings for nobody."""
    dialling, calls = Dialling(accounts[0]), Call.objects.filter(user=accounts[0].user)
    with_store(dialling)
    request = ask_to_be_erased(sign_in, accounts[0])
    assert not erasure.run_erasure(request_id=request.id, now=SOON, rewrite=None)
    assert calls.get().hangup_requested_at is not None
    dialling.away = False
    calls.update(status="completed", ended_at=SOON)
    erasure.run_erasure(request_id=request.id, now=SOON + timedelta(minutes=1), rewrite=None)
    assert Request.objects.get().state == "rewriting" and not calls.exists()
