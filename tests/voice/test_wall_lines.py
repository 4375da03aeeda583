"""What the wall of live calls is told while people talk."""

import pytest

from realtime.publish import Topic
from tests.voice.test_transcription import engine, member, twilio
from tests.voice.transcriptionist import Transcriptionist, heard_by_pages

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
