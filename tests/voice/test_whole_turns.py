"""A turn that is heard again as a whole says nothing that the transcript refused, or had removed, of its utterances.

Planted bugs that this catches: a whole that is stored although one of its utterances was not, or is there no more; one that takes
the place of what another stream heard; one that says the rest of a card number.
"""

import pytest

from tests.voice.carrier import Placed
from tests.voice.test_streams import at, gaps, hear_as_a_whole, open_stream, say
from tests.voice.test_streams import member as member
from tests.voice.test_streams import placed as placed
from tests.voice.transcriptionist import joined, text_of
from voice.models import Callback

pytestmark = pytest.mark.django_db(transaction=True)


def prove(placed: Placed, seconds: float) -> None:
    """The news comes then that the lead has heard the notice."""
    joined(placed)
    Callback.objects.get_queryset().filter(call_id=placed.call_id, kind="played").update(received_at=at(seconds))


def lines(placed: Placed) -> list[str]:
    return [text for _, _, _, text in text_of(placed)]


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


def test_what_was_said_before_the_lead_had_heard_the_notice_is_not_kept(placed: Placed) -> None:
    """Nor what was begun before; of that the page tells that it is missing. The first words behind it are there."""
    stream = open_stream(placed, 0)
    prove(placed, 3)
    assert say(stream, "agent", 1_000, 1_900, "It rings.") is None
    assert say(stream, "agent", 2_500, 4_500, "I wonder whether they pick up. Hello, this is Joe.") is None
    assert say(stream, "callee", 3_000, 3_900, "Hello?") is not None
    assert gaps(placed) == [(3_000, 4_500)]
    assert lines(placed) == ["", "Hello?"] or lines(placed) == ["Hello?", ""]


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
