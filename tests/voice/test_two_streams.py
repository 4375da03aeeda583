"""Two media sockets of one call hear the same for a while, and the transcript says it once.

Planted bugs that this catches: an utterance that the older stream began alone and that is kept to its end, beside what the newer one
heard of it; the words before the border lost with those behind it; a word across the border that neither writes, or both; a turn heard as
a whole that brings the others back; a gap where the newer stream heard everything; the halves of a card number left in two lines; a wish
not to be called that neither line says any more.
"""

from datetime import datetime
from itertools import pairwise

import pytest

from ai.listening.transcriber import Word
from tests.voice.carrier import Placed
from tests.voice.test_streams import at, gaps, open_stream
from tests.voice.test_streams import member as member
from tests.voice.test_streams import placed as placed
from tests.voice.transcriptionist import text_of
from voice import transcripts, whole_turns
from voice.heard import Heard
from voice.models import TranscriptSegment
from voice.schemas import Speaker
from voice.transcripts import OpenStream

pytestmark = pytest.mark.django_db(transaction=True)
# Where the second stream begins.
BORDER_S, BORDER_MS = 5, 5_000
WORD_MS = 600


def spoken(speaker: Speaker, start_ms: int, text: str) -> Heard:
    """A word takes as long as another, and they follow one another."""
    words = [
        Word(word, start_ms + number * WORD_MS, start_ms + (number + 1) * WORD_MS, 0.9)
        for number, word in enumerate(text.split())
    ]
    return Heard(speaker, start_ms, words[-1].end_ms, text, 0.9, words)


def writes(stream: OpenStream, heard: Heard) -> TranscriptSegment | None:
    return transcripts.add_segment(call_id=stream.call_id, stream_id=stream.stream_id, heard=heard, now=later(heard))


def hears_again(stream: OpenStream, pieces_ms: list[int], heard: Heard) -> TranscriptSegment | None:
    return whole_turns.replace_segments(
        call_id=stream.call_id, stream_id=stream.stream_id, heard=heard, pieces_ms=pieces_ms, now=later(heard)
    )


def later(heard: Heard) -> datetime:
    return at(heard.end_ms / 1_000)


def lines(placed: Placed) -> list[tuple[str | None, int, int, str]]:
    """Those of one speaker never overlap."""
    written = [line for line in text_of(placed) if line[0] is not None]
    for speaker in ("agent", "callee"):
        own = [line for line in written if line[0] == speaker]
        assert all(before[2] <= after[1] for before, after in pairwise(own)), own
    return written


@pytest.mark.parametrize("newer_first", [False, True])
def test_of_an_utterance_in_which_a_newer_stream_began_each_writes_what_it_alone_can(
    placed: Placed, newer_first: bool
) -> None:
    """Whichever text comes first. "would" is being said when the second begins, which hears "ld" at most."""
    first, second = open_stream(placed, 0), open_stream(placed, BORDER_S)
    both = [
        (first, spoken("callee", 2_300, "I said that we would take both of them in May")),
        (second, spoken("callee", 5_300, "take both of them in May")),
    ]
    for stream, heard in reversed(both) if newer_first else both:
        assert writes(stream, heard) is not None
    assert lines(placed) == [
        ("callee", 2_300, BORDER_MS, "I said that we would"),
        ("callee", 5_300, 8_900, "take both of them in May"),
    ]
    # Of what the newer one heard the older one writes nothing at all.
    assert writes(first, spoken("callee", 9_000, "Call me then")) is None
    assert writes(first, spoken("callee", BORDER_MS, "Call me then")) is None


def test_nor_does_a_turn_that_the_older_stream_hears_again_say_the_rest(placed: Placed) -> None:
    first, second = open_stream(placed, 0), open_stream(placed, BORDER_S)
    assert writes(first, spoken("agent", 1_000, "We need"))
    assert writes(first, spoken("agent", 3_200, "it by may or sooner"))
    assert writes(second, spoken("agent", 5_100, "or sooner"))
    # Between the second word and the third is a pause.
    words = [*spoken("agent", 1_000, "We need").words, *spoken("agent", 3_200, "it by May, or sooner").words]
    heard = Heard("agent", 1_000, words[-1].end_ms, "We need it by May, or sooner", 0.9, words)
    assert hears_again(first, [1_000, 3_200], heard) is not None
    assert lines(placed) == [("agent", 1_000, BORDER_MS, "We need it by May,"), ("agent", 5_100, 6_300, "or sooner")]


def test_what_was_lost_to_the_older_stream_alone_is_no_gap_where_the_newer_one_hears(placed: Placed) -> None:
    first = open_stream(placed, 0)
    transcripts.keep_streams(positions_ms={first.stream_id: 4_900}, now=at(4.9))
    open_stream(placed, BORDER_S)
    transcripts.add_gap(call_id=first.call_id, stream_id=first.stream_id, start_ms=3_000, end_ms=9_000, now=at(9))
    assert gaps(placed) == [(3_000, BORDER_MS)]


def test_words_whose_times_nobody_knows_are_kept_and_the_line_ends_where_the_newer_one_hears(placed: Placed) -> None:
    first, second = open_stream(placed, 0), open_stream(placed, BORDER_S)
    whole = Heard("agent", 3_000, 7_000, "We need it by May.", 0.9)
    assert writes(first, whole) and writes(second, spoken("agent", 5_100, "by May."))
    assert hears_again(first, [3_000], Heard("agent", 3_000, 7_000, "We need it by May!", 0.9)) is None
    assert lines(placed) == [("agent", 3_000, BORDER_MS, "We need it by May."), ("agent", 5_100, 6_300, "by May.")]


@pytest.mark.policy("C1.3")
def test_a_card_number_across_the_border_leaves_no_digits_in_the_older_streams_line(placed: Placed) -> None:
    first = open_stream(placed, 0)
    open_stream(placed, BORDER_S)
    assert writes(first, spoken("callee", 2_600, "It is 4111 1111 1111 1111 thanks"))
    assert lines(placed) == [("callee", 2_600, BORDER_MS, "It is [card number removed] thanks")]


def test_the_wish_not_to_be_called_is_not_lost_between_two_streams(placed: Placed) -> None:
    """The newer one hears "call me again", which asks for nothing of the kind."""
    first, second = open_stream(placed, 0), open_stream(placed, BORDER_S)
    wish = writes(first, spoken("callee", 3_500, "Please do not call me again."))
    assert writes(second, spoken("callee", 5_300, "call me again."))
    assert wish is not None and wish.refusal == "said"
    # Where the newer one hears all of it, it is said once.
    assert writes(first, spoken("agent", 3_500, "Good. Please do not call me again."))
    assert [text for speaker, *_, text in lines(placed) if speaker == "agent"] == ["Good. Please do"]
