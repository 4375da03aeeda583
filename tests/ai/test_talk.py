"""Who spoke how much, from the times of speech alone."""

from uuid_utils.compat import uuid7

from ai.talk import talk
from ai.turns import Speaker, Turn


def turn(speaker: Speaker, start_ms: int, end_ms: int) -> Turn:
    return Turn(uuid7(), speaker, start_ms, end_ms, "words")


def test_speech_of_both_is_added_up_and_silence_is_what_nobody_fills() -> None:
    spoken = talk([turn("agent", 1_000, 4_000), turn("callee", 5_000, 6_000)])
    assert (spoken.agent_ms, spoken.callee_ms, spoken.talk_ratio, spoken.silence_ms) == (3_000, 1_000, 0.75, 1_000)


def test_speech_at_the_same_time_counts_for_both_and_is_no_silence() -> None:
    spoken = talk([turn("agent", 0, 4_000), turn("callee", 3_000, 5_000), turn("agent", 3_500, 4_500)])
    assert (spoken.agent_ms, spoken.callee_ms, spoken.silence_ms) == (4_500, 2_000, 0)


def test_a_monologue_goes_on_over_a_word_of_agreement_and_ends_with_an_answer() -> None:
    first, second = turn("agent", 0, 4_000), turn("agent", 5_000, 9_000)
    assert talk([first, turn("callee", 4_200, 4_600), second]).longest_monologue_ms == 9_000
    assert talk([first, turn("callee", 4_100, 4_900), second]).longest_monologue_ms == 4_000


def test_who_begins_well_inside_the_others_speech_interrupts() -> None:
    long_turn = turn("agent", 0, 5_000)
    assert talk([long_turn, turn("callee", 2_000, 4_000)]).interruptions == 1
    assert talk([long_turn, turn("callee", 4_900, 7_000)]).interruptions == 0
    assert talk([long_turn, turn("callee", 2_000, 2_500)]).interruptions == 0


def test_nobody_spoke() -> None:
    spoken = talk([])
    assert (spoken.agent_ms, spoken.callee_ms, spoken.talk_ratio, spoken.silence_ms) == (0, 0, None, 0)
