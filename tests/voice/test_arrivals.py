"""What is missing of a row of numbered messages is known, and since when it was being said, whatever order they come in."""

from dataclasses import dataclass
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.arrivals import HOLES_MAX, SHOWN_FOR_MS, Arrivals, Hole, Words

SENT = range(1, 10)
WORD_MS = 300
# Whoever begins a sentence is heard with its first word.
SLACK_MS = WORD_MS


def taken(numbers: list[int]) -> Arrivals:
    arrivals = Arrivals()
    for number in numbers:
        arrivals = arrivals.take(number, number * 100)
    return arrivals


def missing(arrivals: Arrivals) -> set[int]:
    return {number for hole in arrivals.holes for number in range(hole.first, hole.last + 1)}


@given(st.permutations(SENT), st.sets(st.sampled_from(SENT[:-1])), st.lists(st.sampled_from(SENT), max_size=6))
def test_exactly_what_did_not_come_is_missing(order: list[int], lost: set[int], again: list[int]) -> None:
    arrivals = taken([number for number in [*order, *again] if number not in lost])
    assert missing(arrivals) == lost
    assert (arrivals.highest, arrivals.newest_ms) == (SENT[-1], SENT[-1] * 100)


def test_a_hole_lasts_from_what_came_before_it_to_what_came_after_it() -> None:
    (hole,) = taken([1, 2, 6]).holes
    assert (hole.first, hole.last, hole.start_ms, hole.end_ms) == (3, 5, 200, 600)
    left = taken([1, 2, 6, 4]).holes
    assert [(hole.first, hole.last) for hole in left] == [(3, 3), (5, 5)]


def test_what_is_missing_before_the_first_that_came_is_missing_since_they_were_expected() -> None:
    (hole,) = Arrivals(newest_ms=4_000).take(3, 9_000).holes
    assert (hole.first, hole.last, hole.start_ms, hole.end_ms) == (1, 2, 4_000, 9_000)


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
def test_nothing_is_missing_once_all_have_come_whichever_came_first(order: tuple[int, ...]) -> None:
    assert missing(taken(list(order))) == set()


def test_a_hole_is_given_up_when_it_is_old_and_when_there_are_too_many() -> None:
    arrivals, given_up = taken([1, 3, 5]).give_up(before_ms=400)
    assert [hole.first for hole in given_up] == [2]
    assert missing(arrivals) == {4}
    arrivals, given_up = taken(list(range(1, 2 * HOLES_MAX + 4, 2))).give_up(before_ms=0)
    assert (len(arrivals.holes), given_up[0].first) == (HOLES_MAX, 2)


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a sentence that began at begun_ms."""

    at_ms: int
    words: Words


Sentences = list[tuple[int, int]]


def spoken(track: str, sentences: Sentences) -> list[Said]:
    """sentences: for each, the pause before it and how many words it has."""
    said, now_ms = [], 0
    for pause_ms, count in sentences:
        begun_ms = now_ms + pause_ms
        for number in range(1, count + 1):
            now_ms = begun_ms + number * WORD_MS
            said.append(Said(now_ms - number % 2, Words(track, number, begun_ms, final=False)))
        now_ms += 200
        said.append(Said(now_ms, Words(track, count, begun_ms, final=True)))
    return said


TALK = st.lists(st.tuples(st.integers(100, 9_000), st.integers(1, 12)), min_size=1, max_size=4)


@given(TALK, TALK, st.data())
def test_every_sentence_whose_final_text_did_not_come_lies_in_holes_from_its_first_word_on(
    reps: Sentences, leads: Sentences, data: st.DataObject
) -> None:
    talk = sorted([*spoken("rep", reps), *spoken("lead", leads)], key=lambda said: said.at_ms)
    lost = data.draw(st.sets(st.integers(0, len(talk) - 1)))
    arrivals = Arrivals()
    for at in data.draw(st.permutations([at for at in range(len(talk)) if at not in lost])):
        arrivals = arrivals.take(at + 1, talk[at].at_ms, talk[at].words)
    # That it ended comes last.
    arrivals = arrivals.take(len(talk) + 1, talk[-1].at_ms + 100)
    marked = sorted((hole.said_from_ms, hole.end_ms) for hole in arrivals.holes)
    for at in lost:
        if talk[at].words.final:
            reached_ms = talk[at].words.begun_ms + SLACK_MS
            for start_ms, end_ms in marked:
                reached_ms = max(reached_ms, end_ms) if start_ms <= reached_ms else reached_ms
            assert reached_ms >= talk[at].at_ms


def heard(*said: tuple[int, int, int, bool]) -> Hole:
    """The one hole that is left by messages of one track: their numbers, times, how many words, and whether final."""
    arrivals = Arrivals()
    for number, at_ms, count, final in said:
        arrivals = arrivals.take(number, at_ms, Words("rep", count, at_ms - WORD_MS * count, final))
    (hole,) = arrivals.holes
    assert Hole.read(hole.row()) == hole
    return hole


def test_what_was_shown_and_said_as_a_whole_behind_the_hole_is_not_missing() -> None:
    assert heard((1, 1_300, 1, False), (2, 1_600, 2, False), (4, 2_200, 4, True)).said_from_ms == 1_600


def test_what_others_say_behind_the_hole_leaves_the_shown_words_missing() -> None:
    assert heard((1, 1_300, 1, False), (2, 1_600, 2, False), (4, 6_000, 4, True)).said_from_ms == 1_000


def test_final_text_that_comes_late_settles_what_was_shown_before_it() -> None:
    assert (
        heard((1, 1_300, 1, False), (3, 2_200, 0, False), (5, 4_000, 1, False), (2, 1_800, 2, True)).said_from_ms
        == 2_200
    )


def test_late_final_text_leaves_what_was_shown_behind_it_missing_and_no_more() -> None:
    assert (
        heard((1, 1_300, 1, False), (3, 5_000, 1, False), (2, 1_800, 2, True), (5, 9_000, 0, True)).said_from_ms
        == 1_800
    )


def test_noise_that_was_shown_long_ago_is_not_what_is_missing() -> None:
    later_ms = 1_300 + SHOWN_FOR_MS
    assert heard((1, 1_300, 1, False), (2, later_ms, 0, False), (4, later_ms + 900, 0, True)).said_from_ms == later_ms
