"""What pages are told while people talk: the wall of live calls, and whoever follows one of them."""

import pytest

from identity.models import Membership
from realtime.publish import Topic
from tests.restricting import restricted
from tests.voice.test_transcription import engine, member, twilio
from tests.voice.transcriptionist import Transcriptionist, heard_by_pages, text_of
from voice import transcripts

__all__ = ["engine", "member", "twilio"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_whoever_looks_at_all_calls_is_told_no_more_of_a_line_than_the_wall_shows(twilio: Transcriptionist) -> None:
    """Red when the wall's topic has the segments of all live calls, which nobody watches."""
    said = "Good morning to you. " * 20
    team = Topic.team(twilio.placed.row.workspace_id)
    twilio.says(2, 10.0, "inbound", "Good morning.")
    (told,) = heard_by_pages(twilio.placed, lambda: twilio.says(3, 90.0, "inbound", said), team)
    assert (told["type"], told["speaker"]) == ("wall.line", "agent")
    assert set(told["line"]) == {"segment_id", "sequence", "end_ms", "text"}
    assert told["line"]["text"] == said[:240]


@pytest.mark.parametrize("who", ["lead", "rep"])
def test_what_is_said_once_the_use_is_restricted_reaches_nobody_before_the_call_has_ended(
    twilio: Transcriptionist, who: str
) -> None:
    """Red when a segment is published, or interim text shown, without asking."""
    call, said = twilio.placed.row, "Call me on my other number."
    team = Topic.team(call.workspace_id)
    twilio.says(2, 10.0, "inbound", "Good morning.")
    assert len(heard_by_pages(twilio.placed, lambda: twilio.says(3, 20.0, "outbound", said, final=False))) == 1
    assert transcripts.shown_calls(call_ids=[call.id]) == {call.id}
    restricted(call.lead if who == "lead" else Membership.objects.get(user_id=call.user_id))
    assert transcripts.shown_calls(call_ids=[call.id]) == frozenset()

    def more() -> None:
        twilio.says(4, 21.0, "outbound", said, final=False)
        twilio.says(5, 22.0, "outbound", said)

    before = twilio.placed.row.sequence
    assert heard_by_pages(twilio.placed, more) == []
    assert heard_by_pages(twilio.placed, lambda: twilio.says(6, 30.0, "inbound", said), team) == []
    # It is kept all the same, for when the person says otherwise.
    assert len(text_of(twilio.placed)) == 3 and twilio.placed.row.sequence > before
