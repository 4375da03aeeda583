"""Twilio writes the call down and some of its callbacks never come: whatever was said and is not written lies in a marked gap.

Planted bugs that this catches: a gap that begins with the last callback although the words that it showed are lost as well, one that
ends when a transcription was asked for although it began to listen later, first callbacks that nobody misses, a sentence that the
call's end cuts off; and gaps where nothing is missing: over text that came late, over what was said before the notice, for the number
of the message that it failed, over what others said behind a sentence that the call's end cut off. And a lost message whose gap goes when
what came after it is told late.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

from identity.models import Membership
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import Placed, give_credit, place
from tests.voice.transcriptionist import Transcriptionist, going_on, heard_by_pages, newest, text_of
from voice import analysis, reconcile, unheard
from voice.models import Call, Callback, MediaStream, TranscriptSegment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def engine(settings: Settings) -> None:
    settings.TRANSCRIPTION_ENGINE = "twilio"


@pytest.fixture
def placed(make_account: Callable[..., Membership]) -> Placed:
    member = make_account()
    give_credit(member, 1_000_000)
    return place(member, began_s_ago=5)


@pytest.fixture
def twilio(placed: Placed) -> Transcriptionist:
    return going_on(placed)


def gaps(twilio: Transcriptionist, *, after_s: float = 60) -> list[tuple[int, int]]:
    """Those that are marked once nothing can come any more."""
    reconcile.sweep_missing_text(now=twilio.began_at + timedelta(seconds=after_s))
    return [(start, end) for speaker, start, end, _ in text_of(twilio.placed) if speaker is None]


def begins(twilio: Transcriptionist) -> None:
    """The rep's sentence of four words that began at 10 s, as far as it is shown; the final text would have the number 6."""
    for number, words in enumerate(("Hi", "Hi David", "Hi David this", "Hi David this is"), start=2):
        twilio.says(number, 10.0 + (number - 1) * 0.3, "inbound", words, final=False)


def ended(twilio: Transcriptionist, *, at_s: float) -> datetime:
    ended_at = twilio.began_at + timedelta(seconds=at_s)
    Call.objects.get_queryset().filter(id=twilio.placed.call_id).update(status="completed", ended_at=ended_at)
    return ended_at


def notice_heard(twilio: Transcriptionist, *, at_s: float) -> None:
    at = twilio.began_at + timedelta(seconds=at_s)
    Callback.objects.get_queryset().filter(kind="played").update(received_at=at)


def again(twilio: Transcriptionist, sandbox: Sandbox, *, at_s: float) -> Transcriptionist:
    """The transcription fails and another one is asked for."""
    sandbox.fail("twilio.rest", "error", value=500)
    reconcile.restart_stream(call_id=twilio.placed.row.id, now=twilio.began_at + timedelta(seconds=at_s))
    return newest(twilio.placed)


def test_callbacks_that_never_came_are_a_gap_and_those_that_came_late_are_none(twilio: Transcriptionist) -> None:
    for number, at_s in ((2, 10.0), (3, 11.0), (6, 16.0), (8, 19.0)):
        twilio.says(number, at_s, "inbound", f"Number {number}.")
    reconcile.sweep_missing_text(now=twilio.began_at + timedelta(seconds=30))
    assert [line for line in text_of(twilio.placed) if line[0] is None] == []
    twilio.says(7, 17.0, "inbound", "Number 7.")
    for _ in range(2):
        reconcile.sweep_missing_text(now=twilio.began_at + timedelta(seconds=60))
    gaps = [line for line in text_of(twilio.placed) if line[0] is None]
    assert [(start, end) for _, start, end, _ in gaps] == [(11_000, 16_000)]


def test_a_sentence_that_was_shown_and_never_settled_is_missing_from_its_first_word_on(
    twilio: Transcriptionist,
) -> None:
    begins(twilio)
    twilio.says(9, 16.0, "outbound", "Yes, I did.")
    assert gaps(twilio) == [(10_000, 16_000)]


def test_it_is_missing_as_well_when_the_same_person_says_the_next_thing(twilio: Transcriptionist) -> None:
    begins(twilio)
    twilio.says(9, 16.0, "inbound", "It costs four hundred.")
    assert gaps(twilio) == [(10_000, 16_000)]


def test_a_sentence_of_which_interim_text_alone_is_lost_is_not_missing(twilio: Transcriptionist) -> None:
    begins(twilio)
    twilio.says(9, 12.4, "inbound", "Hi David this is Joe from Bright Path Software.")
    assert gaps(twilio) == [(11_200, 12_400)], "nobody knows that the lead said nothing"


def test_nor_do_words_in_a_burst_hide_that_the_sentence_before_them_is_missing(twilio: Transcriptionist) -> None:
    """The number 6 is lost."""
    begins(twilio)
    twilio.says(7, 11.5, "inbound", "It costs", final=False)
    twilio.says(8, 12.8, "inbound", "It costs four hundred.")
    assert gaps(twilio) == [(10_000, 11_500)]


def test_a_sentence_that_is_settled_late_is_not_missing(twilio: Transcriptionist) -> None:
    begins(twilio)
    twilio.says(8, 16.0, "outbound", "Yes, I did.")
    twilio.says(6, 11.5, "inbound", "Hi David this is Joe.")
    assert gaps(twilio) == [(11_500, 16_000)], "what has the number 7 may be the lead's"


def test_what_was_said_before_the_notice_was_heard_is_not_missing(twilio: Transcriptionist) -> None:
    notice_heard(twilio, at_s=10.5)
    begins(twilio)
    twilio.says(9, 16.0, "outbound", "Yes, I did.")
    assert gaps(twilio) == [(10_500, 16_000)]


def test_whoever_spoke_when_it_failed_is_missing_from_their_first_word_on(
    twilio: Transcriptionist, sandbox: Sandbox
) -> None:
    begins(twilio)
    twilio.says(6, 11.3, "outbound", "Hello?")
    twilio.tells("error", 7, 12.0)
    again(twilio, sandbox, at_s=15).tells("started", 1, 0.1)
    assert gaps(twilio) == [(10_000, 15_100)]


def test_whoever_spoke_when_the_call_ended_without_a_word_of_it_is_missing_from_their_first_word_on(
    twilio: Transcriptionist,
) -> None:
    begins(twilio)
    twilio.says(6, 11.3, "outbound", "Hello?")
    ended_at = ended(twilio, at_s=25)
    analysis.analyse(call_id=twilio.placed.row.id, now=ended_at + timedelta(seconds=21))
    assert gaps(twilio) == [(10_000, 25_000)]


def test_a_sentence_that_the_calls_end_cut_off_is_missing_once_its_text_cannot_come_any_more(
    twilio: Transcriptionist,
) -> None:
    begins(twilio)
    twilio.tells("stopped", 6, 11.8)
    ended_at = ended(twilio, at_s=12)
    assert not analysis.analyse(call_id=twilio.placed.row.id, now=ended_at + timedelta(seconds=19))
    assert analysis.analyse(call_id=twilio.placed.row.id, now=ended_at + timedelta(seconds=21))
    assert gaps(twilio) == [(10_000, 11_800)]


@pytest.mark.parametrize("lost, missed", [(0, (10_000, 12_700)), (1, (9_600, 16_000))])
def test_what_others_said_behind_a_sentence_that_was_never_settled_is_not_missing(
    twilio: Transcriptionist, lost: int, missed: tuple[int, int]
) -> None:
    """lost: how many messages are, so that a gap is marked there already."""
    begins(twilio)
    twilio.says(6, 9.9, "outbound", "Yes?", final=False)
    for number, at_s in ((7, 16.0), (8, 24.0)):
        twilio.says(number + lost, at_s, "outbound", f"Number {number}.")
    assert gaps(twilio, after_s=40) == [missed] * lost
    twilio.tells("stopped", 9 + lost, 25.0)
    ended_at = ended(twilio, at_s=25.2)
    for _ in range(2):
        unheard.mark_unheard_end(call_id=twilio.placed.row.id, now=ended_at + timedelta(seconds=21))
    assert gaps(twilio) == [missed]


def test_a_sentence_that_the_calls_end_cut_off_and_whose_text_comes_late_is_not_missing(
    twilio: Transcriptionist,
) -> None:
    begins(twilio)
    twilio.tells("stopped", 6, 11.8)
    ended_at = ended(twilio, at_s=12)
    assert not analysis.analyse(call_id=twilio.placed.row.id, now=ended_at + timedelta(seconds=2))
    twilio.says(7, 11.7, "inbound", "Hi David this is Joe.")
    assert analysis.analyse(call_id=twilio.placed.row.id, now=ended_at + timedelta(seconds=3))
    assert gaps(twilio) == []


def test_what_came_late_of_many_that_were_missing_is_in_no_gap(twilio: Transcriptionist) -> None:
    twilio.says(2, 10.0, "inbound", "Good morning.")
    twilio.says(6, 30.0, "outbound", "Good bye.")
    for number, at_s in ((3, 15.0), (4, 22.0)):
        twilio.says(number, at_s, "inbound", f"Number {number}.")
    assert gaps(twilio) == [(22_000, 30_000)]


@pytest.mark.parametrize("final_first", [True, False])
def test_whichever_comes_first_the_words_before_a_lost_message_or_the_text_behind_it(
    twilio: Transcriptionist, final_first: bool
) -> None:
    """The number 6 is lost."""
    if not final_first:
        begins(twilio)
    twilio.says(7, 12.0, "inbound", "Hi David this is Joe from Bright.")
    if final_first:
        begins(twilio)
    assert gaps(twilio) == [(11_200, 12_000)]


def test_a_process_of_the_version_before_and_this_one_read_what_the_other_kept(twilio: Transcriptionist) -> None:
    begins(twilio)
    twilio.says(9, 16.0, "outbound", "Yes, I did.")
    assert twilio.row.holes == [[6, 8, 11_200, 16_000]], "four numbers are all that it can read"
    # It takes number 7 and knows nothing of what was shown.
    divided = [[6, 6, 11_200, 16_000], [8, 8, 11_200, 16_000]]
    MediaStream.objects.get_queryset().filter(id=twilio.stream_id).update(holes=divided)
    assert twilio.says(10, 17.0, "outbound", "Go on.").status == 204
    assert gaps(twilio) == [(10_000, 16_000)]


@pytest.mark.parametrize("words_first", [True, False])
def test_a_transcription_that_listens_later_than_it_was_asked_to_has_missed_the_time_between(
    twilio: Transcriptionist, sandbox: Sandbox, words_first: bool
) -> None:
    twilio.says(2, 10.0, "inbound", "Good morning.")
    twilio.tells("error", 3, 12.0)
    second = again(twilio, sandbox, at_s=15)
    for event in ("words", "began") if words_first else ("began", "words"):
        if event == "began":
            second.tells("started", 1, 4.0)
        else:
            second.says(2, 6.0, "inbound", "Where were we?")
    assert gaps(twilio) == [(10_000, 19_000)]


def test_the_first_callbacks_of_a_transcription_are_missed_when_they_do_not_come(
    twilio: Transcriptionist, sandbox: Sandbox
) -> None:
    twilio.says(2, 10.0, "inbound", "Good morning.")
    twilio.tells("error", 3, 12.0)
    again(twilio, sandbox, at_s=15).says(7, 8.0, "outbound", "Where were we?")
    assert gaps(twilio) == [(10_000, 15_000), (15_000, 23_000)]


def test_what_is_said_until_the_next_one_listens_is_missing_from_the_notice_on(
    twilio: Transcriptionist, sandbox: Sandbox
) -> None:
    notice_heard(twilio, at_s=12)
    twilio.tells("error", 2, 5.0)
    again(twilio, sandbox, at_s=8).tells("started", 1, 6.0)
    assert gaps(twilio) == [(12_000, 14_000)]


@pytest.mark.parametrize("at_s", [15, 11.6])
def test_what_a_transcription_had_understood_before_it_failed_and_comes_late_is_in_no_gap(
    twilio: Transcriptionist, sandbox: Sandbox, at_s: float
) -> None:
    """at_s: when the next one is asked for."""
    begins(twilio)
    twilio.says(6, 11.3, "outbound", "Hello?")
    twilio.tells("error", 8, 11.6)
    again(twilio, sandbox, at_s=at_s).tells("started", 1, 0.1)
    listened_ms = int(at_s * 1_000) + 100
    rows = TranscriptSegment.objects.get_queryset()
    marked = rows.get(kind="gap")
    assert (marked.start_ms, marked.end_ms) == (10_000, listened_ms)
    shown = heard_by_pages(twilio.placed, lambda: twilio.says(7, 11.5, "inbound", "Hi David this is Joe."))
    assert gaps(twilio) == ([(11_500, listened_ms)] if at_s == 15 else [])
    assert [line for line in text_of(twilio.placed) if line[0]] == [
        ("agent", 10_000, 11_500, "Hi David this is Joe."),
        ("callee", 11_000, 11_300, "Hello?"),
    ]
    assert str(marked.id) in shown[-1]["segment"]["replaces"], "a page that shows the gap learns that it has gone"


@pytest.mark.parametrize("swept_first", [True, False])
def test_what_comes_late_leaves_a_message_missing_that_was_lost_before_it(
    twilio: Transcriptionist, sandbox: Sandbox, swept_first: bool
) -> None:
    """The number 3 is lost, and number 5 comes late. swept_first: its loss is marked before the transcription failed."""
    failed_s = 41 if swept_first else 20
    twilio.says(2, 10.0, "inbound", "Good morning.")
    twilio.says(4, 14.0, "inbound", "", final=False)
    if swept_first:
        assert gaps(twilio, after_s=35) == [(10_000, 14_000)]
    twilio.tells("error", 6, failed_s)
    again(twilio, sandbox, at_s=failed_s + 1).tells("started", 1, 4.0)
    assert gaps(twilio, after_s=35) == [(10_000, 14_000), (14_000, failed_s * 1_000 + 5_000)]
    twilio.says(5, failed_s - 1, "inbound", "Where were we?")
    assert gaps(twilio) == [(10_000, 14_000), (failed_s * 1_000 - 1_000, failed_s * 1_000 + 5_000)]


def test_so_does_what_comes_late_of_a_call_that_has_ended(twilio: Transcriptionist) -> None:
    twilio.says(2, 10.0, "inbound", "Good morning.")
    twilio.says(4, 14.0, "inbound", "", final=False)
    assert gaps(twilio, after_s=35) == [(10_000, 14_000)]
    ended_at = ended(twilio, at_s=42)
    for _ in range(2):
        unheard.mark_unheard_end(call_id=twilio.placed.row.id, now=ended_at + timedelta(seconds=21))
    assert gaps(twilio) == [(10_000, 14_000), (14_000, 42_000)]
    twilio.says(5, 40.0, "inbound", "Where were we?")
    assert gaps(twilio) == [(10_000, 14_000), (40_000, 42_000)]


def test_what_comes_late_of_one_who_spoke_leaves_the_other_ones_sentence_missing(
    twilio: Transcriptionist, sandbox: Sandbox
) -> None:
    begins(twilio)
    twilio.says(6, 10.9, "outbound", "Hello?")
    twilio.tells("error", 8, 12.0)
    again(twilio, sandbox, at_s=15).tells("started", 1, 0.1)
    twilio.says(7, 11.5, "outbound", "Who is there?")
    assert gaps(twilio) == [(10_000, 15_100)]


def test_the_message_that_it_failed_is_not_itself_missing(twilio: Transcriptionist, sandbox: Sandbox) -> None:
    twilio.says(2, 10.0, "inbound", "Good morning.")
    twilio.says(3, 11.0, "inbound", "", final=False)
    twilio.tells("error", 4, 12.0)
    twilio.tells("stopped", 5, 12.1)
    assert twilio.row.holes == []
    again(twilio, sandbox, at_s=15).tells("started", 1, 0.1)
    assert gaps(twilio) == [(10_000, 15_100)]
