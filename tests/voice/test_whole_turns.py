"""A turn that is heard again as a whole takes the place of its utterances, and says nothing that the transcript refused or had
removed of them.

Planted bugs that this catches: a whole that is stored although one of its utterances was not, or is there no more; one that takes
the place of what another stream heard; one that says the rest of a card number.
"""

from collections.abc import Callable

import pytest

from ai.listening.transcriber import Word
from identity.models import Membership
from tests.identity.browser import Browser
from tests.voice.carrier import Placed
from tests.voice.test_before_the_notice import prove
from tests.voice.test_streams import at, hear_as_a_whole, open_stream, say
from tests.voice.test_streams import member as member
from tests.voice.test_streams import placed as placed
from tests.voice.transcriptionist import text_of
from voice import whole_turns
from voice.heard import Heard
from voice.models import TranscriptSegment

pytestmark = pytest.mark.django_db(transaction=True)


def lines(placed: Placed) -> list[str]:
    return [text for _, _, _, text in text_of(placed)]


def test_a_turn_heard_as_a_whole_takes_the_place_of_its_parts_and_of_nothing_else(
    placed: Placed, sign_in: Callable[..., Browser], member: Membership
) -> None:
    """A page that missed any of the events reads the same from REST, whatever it had seen before."""
    stream = open_stream(placed, 0)
    before = say(stream, "agent", 0, 900, "Before.")
    parts = [say(stream, "agent", 1_000, 1_900, "We need"), say(stream, "agent", 2_000, 2_900, "it by may")]
    answer = say(stream, "callee", 1_500, 2_500, "Sure.")
    whole = hear_as_a_whole(stream, "agent", [1_000, 2_000], 2_900, "We need it by May.")
    assert before and answer and whole and all(parts)
    path = f"/api/calls/{placed.call_id}/segments"
    page = sign_in(member).get(path)[1]
    assert [one["id"] for one in page["items"]] == [str(one.id) for one in (before, answer, whole)]
    shown = page["items"][-1]
    assert (shown["text"], shown["replaces"]) == ("We need it by May.", [str(one.id) for one in parts if one])
    assert [word["text"] for word in shown["words"]] == shown["text"].split()
    assert shown["sequence"] == page["latest_sequence"] == answer.sequence + 1

    # The same words once more change nothing; other words name all that was ever shown in their place.
    assert hear_as_a_whole(stream, "agent", [1_000], 2_900, "We need it by May.") is None
    again = hear_as_a_whole(stream, "agent", [1_000], 2_900, "We need it by Mai.")
    assert again and again.replaces == [*(one.id for one in parts if one), whole.id]
    assert hear_as_a_whole(stream, "agent", [20_000], 21_000, "Nobody said this.") is None


def test_a_turn_heard_as_a_whole_leaves_what_the_other_said_in_between_where_it_stood(placed: Placed) -> None:
    """In as many parts; what is known of the whole alone keeps it whole, whoever spoke in between.

    Planted bugs that this catches: a whole in one piece, above the other's line; a word on the wrong side of it; a card number
    or a wish that is nowhere any more, since the half of each is none.
    """
    stream = open_stream(placed, 0)

    def turn(start_ms: int, pieces: tuple[str, str], whole: str) -> list[TranscriptSegment]:
        """Two seconds, a second's pause in which the rep says a word, and two seconds more; each word is as long."""
        first = say(stream, "callee", start_ms, start_ms + 2_000, pieces[0])
        between = say(stream, "agent", start_ms + 2_200, start_ms + 2_600, "Right.")
        second = say(stream, "callee", start_ms + 3_000, start_ms + 5_000, pieces[1])
        assert first and between and second
        texts, count = whole.split(), len(pieces[0].split())
        # As the recogniser tells it: the word before a pause lasts until the next one, which may begin a little early.
        starts_ms = [start_ms + at * 100 if at < count else start_ms + 2_500 + at * 100 for at in range(len(texts))]
        words = [
            Word(text, one, then, 0.9)
            for text, one, then in zip(texts, starts_ms, [*starts_ms[1:], start_ms + 5_000], strict=True)
        ]
        heard = Heard("callee", start_ms, start_ms + 5_000, whole, 0.9, words)
        pieces_ms = [start_ms, start_ms + 3_000]
        for _ in range(2):
            whole_turns.replace_segments(
                call_id=stream.call_id, stream_id=stream.stream_id, heard=heard, pieces_ms=pieces_ms, now=at(9)
            )
        said = TranscriptSegment.objects.get_queryset().filter(start_ms__gte=start_ms).order_by("start_ms")
        assert [row.replaces for row in said if row.id != between.id] in (
            [[first.id], [second.id]],
            [[first.id, second.id]],
        )
        return list(said)

    parts = turn(0, ("The price is", "two high for us"), "The price is too high for us.")
    assert [(row.text, row.start_ms, row.end_ms) for row in parts] == [
        ("The price is", 0, 2_000),
        ("Right.", 2_200, 2_600),
        ("too high for us.", 3_000, 5_000),
    ]
    assert [[word[0] for word in row.words] for row in parts[::2]] == [row.text.split() for row in parts[::2]]
    card = turn(20_000, ("It is 4111 1111", "well 1111 1111 yes"), "It is 4111 1111 1111 1111 yes")
    assert [row.text for row in card] == ["It is [card number removed] yes", "Right."]
    wish = turn(40_000, ("Please do not", "call me again."), "Please do not call me again.")
    assert [(row.text, row.refusal) for row in wish] == [("Please do not call me again.", "said"), ("Right.", None)]


def test_a_card_number_leaves_no_words_behind(placed: Placed) -> None:
    stream = open_stream(placed, 0)
    say(stream, "callee", 0, 900, "It is 4111 1111")
    whole = hear_as_a_whole(stream, "callee", [0], 900, "It is 4111 1111 1111 1111.")
    assert whole and whole.words == [] and "4111" not in whole.text


@pytest.mark.policy("C1.3")
def test_a_card_number_that_was_taken_out_is_not_put_back(placed: Placed) -> None:
    """The second half, which went with the first, began the turn."""
    stream = open_stream(placed, 0)
    say(stream, "callee", 1_000, 2_500, "My card is 4111 1111")
    say(stream, "callee", 5_000, 6_500, "1111 1111")
    say(stream, "callee", 7_000, 7_900, "expires May")
    before = lines(placed)
    assert before == ["My card is [card number removed]", "expires May"]
    assert hear_as_a_whole(stream, "callee", [5_000, 7_000], 7_900, "1111 1111 expires May") is None
    assert lines(placed) == before


@pytest.mark.policy("C1.3")
def test_a_second_hearing_that_misses_a_digit_does_not_write_down_the_number_that_the_first_had_removed(
    placed: Placed,
) -> None:
    """Planted bug that this catches: the whole is looked at, and not what it takes the place of."""
    stream = open_stream(placed, 0)
    say(stream, "callee", 1_000, 4_000, "It is 4539 5787 6362 1486, okay?")
    assert lines(placed) == ["It is [card number removed], okay?"]
    assert hear_as_a_whole(stream, "callee", [1_000], 4_000, "It is 4539 577 6362 1486, okay?") is None
    assert lines(placed) == ["It is [card number removed], okay?"]


@pytest.mark.policy("C1.3")
def test_a_misheard_number_that_the_other_asked_for_is_not_stored(placed: Placed) -> None:
    """In one piece or several, heard once or twice; a minute later, digits are digits again.

    Planted bugs that this catches: only the speaker's own words are looked at; only one utterance is.
    """
    stream = open_stream(placed, 0)
    say(stream, "agent", 0, 2_000, "What is the number on your card?")
    say(stream, "callee", 3_000, 6_000, "Sure, 4539 577 6362 1486, okay?")
    assert lines(placed)[1:] == ["Sure, [card number removed], okay?"]
    say(stream, "callee", 10_000, 12_000, "Again: 4539. 577")
    say(stream, "callee", 13_000, 15_000, "6362 1486.")
    assert lines(placed)[2:] == ["Again: [card number removed]."]
    say(stream, "callee", 20_000, 22_000, "Well, that was it.")
    again = hear_as_a_whole(stream, "callee", [20_000], 22_000, "Well, 539 5787 6362 1486.")
    assert again and again.text == "Well, [card number removed]."
    order = say(stream, "callee", 70_000, 72_000, "The order is 4539 577 6362 1486.")
    assert order and order.text == "The order is 4539 577 6362 1486."


@pytest.mark.policy("C1.3")
@pytest.mark.parametrize("half", ["first", "second"])
def test_a_card_number_that_only_the_whole_makes_out_is_not_written_down_beside_its_other_half(
    placed: Placed, half: str
) -> None:
    stream = open_stream(placed, 0)
    spoken = {0: "It is 4111 1111", 5_000: "Well, well.", 7_000: "Well, well.", 11_000: "1111 1111"}
    del spoken[11_000 if half == "second" else 0]
    for start_ms, text in spoken.items():
        say(stream, "callee", start_ms, start_ms + 900, text)
    whole = "1111 1111, well, well." if half == "second" else "Well, it is 4111 1111"
    assert hear_as_a_whole(stream, "callee", [5_000, 7_000], 7_900, whole) is None
    assert lines(placed) == list(spoken.values())


def test_a_turn_that_began_before_the_lead_had_heard_the_notice_keeps_the_text_of_its_later_pieces(
    placed: Placed,
) -> None:
    stream = open_stream(placed, 0)
    prove(placed, 3)
    say(stream, "agent", 1_000, 2_500, "I wonder")
    say(stream, "agent", 3_500, 4_400, "hello there")
    assert hear_as_a_whole(stream, "agent", [1_000, 3_500], 4_400, "I wonder. Hello there!") is None
    assert lines(placed) == ["hello there"]


@pytest.mark.parametrize("second_begins_ms", [4_600, 5_200])
def test_a_stream_whose_place_was_taken_replaces_nothing_that_the_new_one_heard(
    placed: Placed, second_begins_ms: int
) -> None:
    """Whether its last utterance began before or after."""
    first = open_stream(placed, 0)
    second = open_stream(placed, 5)
    assert say(first, "agent", 4_000, 4_400, "We need") is not None
    assert (say(first, "agent", second_begins_ms, 6_500, "it by may") is None) == (second_begins_ms > 5_000)
    assert say(second, "agent", 5_250, 6_300, "by May") is not None
    before = lines(placed)
    assert hear_as_a_whole(first, "agent", [4_000, second_begins_ms], 6_500, "We need it by May.") is None
    assert lines(placed) == before
