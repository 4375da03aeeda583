"""A lead whom a call did not ring, through no fault or wish of anybody, is not lost for the session.

Planted bugs that this catches: such a lead taken for called, or offered at once again, so that a rep whose phone fails meets it for ever.
"""

from collections.abc import Callable
from typing import Any

import pytest

from identity.models import Membership
from tests.voice.carrier import Placed, give_credit, post
from tests.voice.queues import NOW, call, leads, name_of, start, take_next
from tests.voice.test_queue import MINUTE, _calling_hours_are_kept, names_offered, rep
from voice import submission

__all__ = ["_calling_hours_are_kept", "rep"]

pytestmark = pytest.mark.django_db(transaction=True)
IN_VAIN: dict[str, Callable[[Placed], object]] = {
    "rep did not answer": lambda placed: post(*placed.agent("no-answer", at_s=30, sequence=1)),
    "rep busy": lambda placed: post(*placed.agent("busy", at_s=3, sequence=1)),
    "no room at the carrier": lambda placed: submission.give_up(
        call_id=placed.row.id, status="failed", reason="carrier_at_limit", now=NOW
    ),
    "page not connected": lambda placed: submission.give_up(
        call_id=placed.row.id, status="failed", reason="rep_not_connected", now=NOW
    ),
}


@pytest.mark.parametrize("ended", IN_VAIN.values(), ids=IN_VAIN)
@pytest.mark.parametrize(
    "again", [{}, {"disposition": "busy", "attempts": 1, "retry_at": NOW - MINUTE}], ids=["new", "retry"]
)
def test_a_lead_whom_a_call_did_not_ring_comes_again_after_all_others(
    rep: Membership, ended: Callable[[Placed], object], again: dict[str, Any]
) -> None:
    give_credit(rep, 100_000)
    (ada,) = leads(rep, "Ada", **again)
    leads(rep, "Ben", "Cleo")
    assert name_of(start(rep)) == "Ada"
    ended(call(rep, ada))
    shown = take_next(rep)
    assert (name_of(shown), shown.left) == ("Ben", 2)
    assert names_offered(rep) == ["Ben", "Cleo", "Ada"]
    # Who was skipped then is not offered once more.
    assert name_of(take_next(rep)) is None
