"""What a call's media streams heard is stored once, and what none heard is marked.

Planted bugs that this catches: a gap that begins with the newest stored segment (an utterance of the other speaker that was
still in work is lost without a mark), an old socket that goes on writing beside the new one, a restart at every callback.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection

from ai.listening.transcriber import MAX_CONTEXT_CHARACTERS, Word
from identity.models import Membership, User
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import Placed, give_credit, place, post, sid
from voice import analysis, reconcile, transcripts, unheard, whole_turns
from voice.heard import Heard
from voice.models import Call, CallLeg, Lead, MediaStream, TranscriptSegment
from voice.schemas import Speaker
from voice.transcripts import OpenStream

pytestmark = pytest.mark.django_db(transaction=True)
T0 = datetime.now(UTC) - timedelta(seconds=60)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


@pytest.fixture
def placed(member: Membership) -> Placed:
    """A conversation that is going on, with the notice heard."""
    give_credit(member, 100_000)
    placed = place(member, began_s_ago=60)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    post(*placed.callee("in-progress", at_s=1, sequence=2))
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
    return placed


def open_stream(placed: Placed, seconds: float) -> OpenStream:
    token = transcripts.issue_stream_token(call=placed.row, now=at(seconds))
    return transcripts.claim_stream(token=token, stream_sid=sid("MZ"), call_sid=placed.agent_sid, now=at(seconds))


def say(
    stream: OpenStream, speaker: Speaker, start_ms: int, end_ms: int, text: str = "words"
) -> TranscriptSegment | None:
    return transcripts.add_segment(
        call_id=stream.call_id,
        stream_id=stream.stream_id,
        heard=Heard(speaker, start_ms, end_ms, text, 0.9),
        now=at(end_ms / 1000),
    )


def hear_as_a_whole(
    stream: OpenStream, speaker: Speaker, pieces_ms: list[int], end_ms: int, text: str
) -> TranscriptSegment | None:
    """pieces_ms: where its utterances begin."""
    start_ms = pieces_ms[0]
    words = [Word(word, start_ms, end_ms, 0.5) for word in text.split()]
    return whole_turns.replace_segments(
        pieces_ms=pieces_ms,
        call_id=stream.call_id,
        stream_id=stream.stream_id,
        heard=Heard(speaker, start_ms, end_ms, text, 0.9, words),
        now=at(end_ms / 1000),
    )


def gaps(placed: Placed) -> list[tuple[int, int]]:
    rows = TranscriptSegment.objects.get_queryset().filter(call_id=placed.call_id, kind="gap").order_by("start_ms")
    return list(rows.values_list("start_ms", "end_ms"))


def end(placed: Placed, seconds: float) -> None:
    Call.objects.get_queryset().filter(id=placed.call_id).update(status="completed", ended_at=at(seconds))


def test_what_a_dead_stream_had_not_stored_is_marked_until_the_next_one(placed: Placed) -> None:
    """The lead's long sentence was still in work when the rep's short one was stored already."""
    first = open_stream(placed, 0)
    say(first, "agent", 4_000, 6_000)
    transcripts.keep_streams(positions_ms={first.stream_id: 3_000}, now=at(6))
    second = open_stream(placed, 10)
    assert gaps(placed) == [(3_000, 10_000)]
    assert second.offset_ms == 10_000


def finish(stream: OpenStream, settled_ms: int) -> None:
    transcripts.finish_stream(
        stream_id=stream.stream_id, dropped_frames=0, complete=False, now=at(40), settled_ms=settled_ms
    )


def test_what_a_process_stores_late_that_was_given_up_without_its_database_is_no_gap(placed: Placed) -> None:
    first = open_stream(placed, 0)
    transcripts.keep_streams(positions_ms={first.stream_id: 3_000}, now=at(3))
    # It alone cannot reach the database, and another one hears the call.
    second = open_stream(placed, 30)
    [gap] = TranscriptSegment.objects.get_queryset().filter(kind="gap")
    assert gaps(placed) == [(3_000, 30_000)]
    say(first, "agent", 4_000, 6_000)
    # Sound that did not arrive: a real loss, that begins where the marked stretch does.
    transcripts.add_gap(call_id=first.call_id, stream_id=first.stream_id, start_ms=3_000, end_ms=3_900, now=at(31))
    say(first, "callee", 20_000, 22_000)
    finish(first, 24_000)
    assert gaps(placed) == [(3_000, 3_900), (24_000, 30_000)]
    finish(first, 24_000)
    assert gaps(placed) == [(3_000, 3_900), (24_000, 30_000)]
    rows = TranscriptSegment.objects.get_queryset()
    assert gap.id in {each for row in rows.filter(kind="gap") for each in row.replaces}
    assert say(second, "agent", 31_000, 32_000) is not None


def test_what_did_not_arrive_stays_marked_whatever_of_the_stretch_behind_it_is_stored_late(placed: Placed) -> None:
    first = open_stream(placed, 0)
    open_stream(placed, 30)
    transcripts.add_gap(call_id=first.call_id, stream_id=first.stream_id, start_ms=24_000, end_ms=24_900, now=at(31))
    finish(first, 24_000)
    assert gaps(placed) == [(24_000, 24_900), (24_900, 30_000)]
    finish(first, 26_000)
    assert gaps(placed) == [(24_000, 24_900), (26_000, 30_000)]


def test_nothing_stays_marked_that_was_heard_to_the_end_after_all(placed: Placed) -> None:
    first = open_stream(placed, 0)
    open_stream(placed, 10)
    [gap] = TranscriptSegment.objects.get_queryset().filter(kind="gap")
    say(first, "agent", 4_000, 6_000)
    last = say(first, "callee", 7_000, 9_000, "so long")
    assert last is not None
    finish(first, 10_200)
    assert gaps(placed) == []
    again = TranscriptSegment.objects.get_queryset().get(text="so long")
    assert again.replaces == [gap.id, last.id] and again.sequence > last.sequence
    assert (again.start_ms, again.end_ms, again.speaker) == (7_000, 9_000, "callee")


def test_the_end_of_a_call_that_was_stored_late_is_no_gap(placed: Placed) -> None:
    first = open_stream(placed, 0)
    say(first, "agent", 1_000, 2_000)
    end(placed, 30)
    unheard.mark_unheard_end(call_id=first.call_id, now=at(31))
    assert gaps(placed) == [(0, 30_000)]
    say(first, "agent", 12_000, 14_000)
    finish(first, 29_000)
    unheard.mark_unheard_end(call_id=first.call_id, now=at(60))
    assert gaps(placed) == [(29_000, 30_000)]


def test_a_stream_that_follows_at_once_leaves_no_gap(placed: Placed) -> None:
    first = open_stream(placed, 0)
    transcripts.finish_stream(stream_id=first.stream_id, dropped_frames=0, complete=False, now=at(5), settled_ms=4_900)
    open_stream(placed, 5.2)
    assert gaps(placed) == []


def test_two_streams_of_one_call_do_not_both_write(placed: Placed) -> None:
    first = open_stream(placed, 0)
    second = open_stream(placed, 5)
    begun_alone = say(first, "agent", 4_000, 6_000)
    assert begun_alone is not None and begun_alone.end_ms == 5_000
    assert say(first, "agent", 6_000, 7_000) is None
    assert say(second, "agent", 6_100, 7_000) is not None
    assert not transcripts.keep_streams(positions_ms={first.stream_id: 9_000}, now=at(9))
    assert transcripts.keep_streams(positions_ms={second.stream_id: 9_000}, now=at(9))


@pytest.mark.parametrize("state", ["waiting_for_notice", "refused", "off", "expired"])
def test_without_the_proof_that_the_notice_was_heard_nothing_is_written_down(placed: Placed, state: str) -> None:
    """Neither text nor the place of text; in test_media_proof the same is told of a whole media socket."""
    stream = open_stream(placed, 0)
    assert say(stream, "agent", 0, 900, "Zanzibar.") is not None
    assert transcripts.shown_calls(call_ids=[stream.call_id]) == {stream.call_id}
    before = list(TranscriptSegment.objects.get_queryset().values())
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state=state)
    assert transcripts.shown_calls(call_ids=[stream.call_id]) == frozenset()
    assert say(stream, "agent", 1_000, 1_900, "Zanzibar.") is None
    assert hear_as_a_whole(stream, "agent", [0, 1_000], 1_900, "Zanzibar, Zanzibar.") is None
    gap = transcripts.add_gap(
        call_id=stream.call_id, stream_id=stream.stream_id, start_ms=2_000, end_ms=9_000, now=at(9)
    )
    assert gap is None
    if state in transcripts.UNWANTED:
        # Nobody listens to such a call any more, and who did is told to end.
        assert not transcripts.keep_streams(positions_ms={stream.stream_id: 9_000}, now=at(9))
        with pytest.raises(transcripts.StreamRefused):
            open_stream(placed, 20)
    else:
        assert transcripts.keep_streams(positions_ms={stream.stream_id: 9_000}, now=at(9))
        open_stream(placed, 20)
    assert list(TranscriptSegment.objects.get_queryset().values()) == before


def test_a_call_that_ended_while_its_stream_was_lost_is_marked_to_its_end(placed: Placed) -> None:
    first = open_stream(placed, 0)
    transcripts.keep_streams(positions_ms={first.stream_id: 20_000}, now=at(20))
    end(placed, 26)
    for _ in range(2):
        unheard.mark_unheard_end(call_id=first.call_id, now=at(60))
    assert gaps(placed) == [(20_000, 26_000)]


def test_a_call_that_was_heard_to_its_end_has_no_gap(placed: Placed) -> None:
    first = open_stream(placed, 0)
    transcripts.finish_stream(stream_id=first.stream_id, dropped_frames=0, complete=True, now=at(26), settled_ms=25_000)
    end(placed, 26)
    unheard.mark_unheard_end(call_id=first.call_id, now=at(60))
    assert gaps(placed) == []


def test_what_came_after_the_carrier_had_ended_the_stream_is_marked(placed: Placed) -> None:
    """A stop in mid-call, after which no other stream came."""
    stream = open_stream(placed, 0)
    transcripts.finish_stream(
        stream_id=stream.stream_id, dropped_frames=0, complete=True, now=at(20), settled_ms=19_900
    )
    end(placed, 40)
    for _ in range(2):
        unheard.mark_unheard_end(call_id=stream.call_id, now=at(60))
    assert gaps(placed) == [(20_000, 40_000)]


def test_while_the_lead_alone_hears_why_the_call_ends_nobody_has_to_listen(placed: Placed) -> None:
    stream = open_stream(placed, 0)
    transcripts.finish_stream(
        stream_id=stream.stream_id, dropped_frames=0, complete=True, now=at(20), settled_ms=19_900
    )
    CallLeg.objects.get_queryset().filter(call_id=placed.call_id, role="agent").update(ended_at=at(20.5))
    end(placed, 26)
    unheard.mark_unheard_end(call_id=stream.call_id, now=at(60))
    assert gaps(placed) == []


def test_a_conversation_that_no_stream_ever_heard_is_one_gap(placed: Placed) -> None:
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="waiting_for_notice")
    post(placed.path("notice/played"), {"CallSid": placed.callee_sid, "ParentCallSid": placed.agent_sid})
    began_at = placed.row.callbacks.get(kind="played").received_at
    Call.objects.get_queryset().filter(id=placed.call_id).update(
        status="completed", ended_at=began_at + timedelta(seconds=30)
    )
    unheard.mark_unheard_end(call_id=placed.row.id, now=began_at + timedelta(seconds=60))
    assert gaps(placed) == [(0, 30_000)]


def test_a_stream_that_came_late_marks_what_was_said_before(placed: Placed) -> None:
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="waiting_for_notice")
    post(placed.path("notice/played"), {"CallSid": placed.callee_sid, "ParentCallSid": placed.agent_sid})
    began_at = placed.row.callbacks.get(kind="played").received_at
    token = transcripts.issue_stream_token(call=placed.row, now=began_at)
    transcripts.claim_stream(
        token=token, stream_sid=sid("MZ"), call_sid=placed.agent_sid, now=began_at + timedelta(seconds=7)
    )
    assert gaps(placed) == [(0, 7_000)]


def test_words_that_come_after_the_analysis_are_analysed_too(placed: Placed) -> None:
    stream = open_stream(placed, 0)
    end(placed, 10)
    Call.objects.get_queryset().filter(id=placed.call_id).update(analysis_state="done")
    say(stream, "callee", 8_000, 9_000, "Please send me the offer by Friday.")
    assert placed.row.analysis_state == "none"
    transcripts.finish_stream(stream_id=stream.stream_id, dropped_frames=0, complete=True, now=at(30), settled_ms=9_500)
    assert analysis.analyse(call_id=stream.call_id, now=at(31))
    assert placed.row.analysis_state == "done"
    assert not analysis.analyse(call_id=stream.call_id, now=at(32))


def test_two_workers_at_once_analyse_a_call_once_and_a_dead_ones_claim_is_taken_over(placed: Placed) -> None:
    stream = open_stream(placed, 0)
    say(stream, "callee", 8_000, 9_000, "Please send me the offer by Friday.")
    end(placed, 10)
    transcripts.finish_stream(stream_id=stream.stream_id, dropped_frames=0, complete=True, now=at(11), settled_ms=9_500)
    claimed = Call.objects.get_queryset().filter(id=placed.call_id)
    claimed.update(analysis_state="claimed", analysis_claimed_at=at(12))
    assert not analysis.analyse(call_id=stream.call_id, now=at(31))

    def analyse(_: int) -> bool:
        try:
            return analysis.analyse(call_id=stream.call_id, now=at(33))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(analyse, range(8))) == 1
    assert placed.row.analysis_state == "done"


def test_a_lost_stream_is_asked_for_again_at_a_bearable_pace_for_as_long_as_the_call_lasts(
    placed: Placed, sandbox: Sandbox
) -> None:
    """The sandbox knows no such call, so every attempt fails; the media process may need a minute to come back."""
    stream = open_stream(placed, 0)
    transcripts.finish_stream(stream_id=stream.stream_id, dropped_frames=0, complete=False, now=at(5))
    sandbox.fail("twilio.rest", "error", value=500, count=150)
    for half in range(120):
        # As an error callback of every failed attempt would do.
        MediaStream.objects.get_queryset().filter(state="issued").update(state="lost")
        reconcile.restart_stream(call_id=stream.call_id, now=at(6 + half / 2))
    attempts = MediaStream.objects.get_queryset().exclude(id=stream.stream_id).order_by("issued_at")
    issued = list(attempts.values_list("issued_at", flat=True))
    assert 15 <= len(issued) <= 40
    assert min(later - sooner for sooner, later in pairwise(issued)) >= timedelta(seconds=1.9)


def test_a_silent_media_process_is_given_up_and_a_living_one_is_not(placed: Placed, sandbox: Sandbox) -> None:
    stream = open_stream(placed, 0)
    transcripts.keep_streams(positions_ms={stream.stream_id: 0}, now=at(30))
    sandbox.fail("twilio.rest", "error", value=500, count=2)
    reconcile.sweep_streams(now=at(49))
    assert MediaStream.objects.get_queryset().get().state == "connected"
    reconcile.sweep_streams(now=at(51))
    states = MediaStream.objects.get_queryset().order_by("issued_at").values_list("state", flat=True)
    assert list(states) == ["lost", "issued"]


def test_a_database_that_was_away_for_long_makes_no_living_media_process_a_dead_one(
    placed: Placed, sandbox: Sandbox
) -> None:
    """What it hears meanwhile it stores afterwards; a stream begun in its place would mark all of that as a gap."""
    stream = open_stream(placed, 0)
    sandbox.fail("twilio.rest", "error", value=500, count=2)
    reconcile.spare_streams(now=at(40))
    reconcile.sweep_streams(now=at(41))
    assert transcripts.keep_streams(positions_ms={stream.stream_id: 0}, now=at(42)) == {stream.stream_id}
    reconcile.sweep_streams(now=at(63))
    assert MediaStream.objects.get_queryset().get(id=stream.stream_id).state == "lost"


def test_the_recogniser_is_told_the_names_of_a_call_and_never_more_than_it_takes(
    placed: Placed, member: Membership
) -> None:
    """More would be refused, and with it every utterance of the call."""
    names = open_stream(placed, 1).context.split(", ")
    assert names == [placed.row.lead.first_name, "Ada", "Okafor", member.workspace.name]
    Lead.objects.get_queryset().update(first_name="F" * 120, last_name="L" * 120, company="C" * 120)
    User.objects.update(first_name="A" * 80, last_name="O" * 80)
    context = open_stream(placed, 2).context
    assert context == ", ".join(["F" * 120, "L" * 120, "C" * 120, "A" * 80])
    assert len(context) <= MAX_CONTEXT_CHARACTERS
