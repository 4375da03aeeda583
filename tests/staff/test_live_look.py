"""A look reads no call along: through nobody's eyes, not even its own rep's."""

from datetime import UTC, datetime

import pytest

from identity.models import Membership
from tests.identity.browser import code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.staff.ours import at_desk
from tests.voice.carrier import give_credit, place, post
from voice import transcripts
from voice.heard import Heard
from voice.models import Call

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rep(make_account: MakeAccount) -> Membership:
    rep = make_account()
    give_credit(rep, 1_000_000)
    return rep


def test_the_words_of_a_live_call_are_read_in_a_look_once_it_is_over(rep: Membership, sign_in: SignIn) -> None:
    """Red when whose call it is decides alone: the rep would see nobody read along."""
    placed, page, desk = place(rep), sign_in(rep), at_desk()
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    post(*placed.callee("in-progress", at_s=10, sequence=2))
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
    heard = Heard("callee", 2_000, 2_900, "Who is this?", 0.9)
    transcripts.add_segment(call_id=placed.row.id, heard=heard, now=datetime.now(UTC))
    words = f"/api/calls/{placed.call_id}/segments"
    assert desk.look(rep.workspace_id, rep.user_id)[0] == 201
    for path in (words, f"/api/calls/{placed.call_id}/insights"):
        status, told = desk.get(path)
        assert (status, code_of(told), page.get(path)[0]) == (409, "not_watching", 200), path
    assert desk.get(f"/api/calls/{placed.call_id}")[1]["status"] == "in_progress"
    post(*placed.callee("completed", at_s=40, sequence=3, CallDuration="30"))
    post(*placed.agent("completed", at_s=41, sequence=3, CallDuration="41"))
    assert desk.get(words)[1]["items"][0]["text"] == "Who is this?"
