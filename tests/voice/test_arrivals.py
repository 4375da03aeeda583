"""What is missing of a row of numbered messages is known, and since when it was being said, whatever order they come in.

Planted bugs that this catches: parts of a hole that keep the times of the whole, words behind a hole that are looked at once and
forgotten, what was shown before a hole kept without the hole; rows of an earlier form, or that the version before has changed, read as if
nothing had been shown or not at all.
"""

import json
from dataclasses import dataclass
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.arrivals import HOLES_MAX, SHOWN_FOR_MS, Arrivals, Hole, Shown, Words

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
    assert [(hole.first, hole.last, hole.start_ms, hole.end_ms) for hole in left] == [
        (3, 3, 200, 400),
        (5, 5, 400, 600),
    ]


def test_a_time_that_no_message_of_a_hole_can_have_does_not_make_it_shorter() -> None:
    for wrong_ms in (100, 700):
        arrivals = taken([1, 2, 6]).take(4, wrong_ms)
        assert [(hole.start_ms, hole.end_ms) for hole in arrivals.holes] == [(200, 600), (200, 600)]


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
Lossy = tuple[list[Said], set[int], list[int]]


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


def together(reps: Sentences, leads: Sentences) -> list[Said]:
    return sorted([*spoken("rep", reps), *spoken("lead", leads)], key=lambda said: said.at_ms)


@st.composite
def lossy(draw: st.DrawFn) -> Lossy:
    """What both say, which of it is lost, and in what order the rest comes."""
    talk = together(draw(TALK), draw(TALK))
    lost = draw(st.sets(st.integers(0, len(talk) - 1)))
    return talk, lost, draw(st.permutations([at for at in range(len(talk)) if at not in lost]))


def arrived(talk: list[Said], order: list[int]) -> Arrivals:
    """What is known when these have come, whose numbers count from 0, and then that the talk ended."""
    arrivals = Arrivals()
    for at in order:
        arrivals = arrivals.take(at + 1, talk[at].at_ms, talk[at].words)
    return kept(arrivals.take(len(talk) + 1, talk[-1].at_ms + 100))


def kept(arrivals: Arrivals) -> Arrivals:
    """As it is read from where it was written."""
    holes, shown = json.loads(json.dumps(arrivals.rows()))
    assert {len(row) for row in holes} <= {4}, "as a process of the version before reads them"
    again = Arrivals.read(arrivals.highest, arrivals.newest_ms, holes, shown)
    assert again == arrivals
    return again


@given(lossy())
def test_every_sentence_whose_final_text_did_not_come_lies_in_holes_from_its_first_word_on(heard: Lossy) -> None:
    talk, lost, order = heard
    arrivals = arrived(talk, order)
    marked = sorted((hole.said_from_ms, hole.end_ms) for hole in arrivals.holes)
    for at in lost:
        if talk[at].words.final:
            reached_ms = talk[at].words.begun_ms + SLACK_MS
            for start_ms, end_ms in marked:
                reached_ms = max(reached_ms, end_ms) if start_ms <= reached_ms else reached_ms
            assert reached_ms >= talk[at].at_ms


@given(lossy())
def test_a_hole_reaches_from_one_message_to_the_next_and_back_over_unsettled_words_alone(heard: Lossy) -> None:
    talk, lost, order = heard
    arrivals = arrived(talk, order)
    times_ms = [0, *(said.at_ms for said in talk), talk[-1].at_ms + 100]
    for hole in arrivals.holes:
        assert (hole.start_ms, hole.end_ms) == (times_ms[hole.first - 1], times_ms[hole.last + 1])
        before = [talk[at].words for at in range(hole.first - 1) if at not in lost]
        settled = {(words.track, words.begun_ms) for words in before if words.final}
        begun = {(words.track, words.begun_ms) for words in before} - settled
        assert hole.said_from_ms in {hole.start_ms, *(begun_ms for _, begun_ms in begun)}


@given(lossy())
def test_what_is_missing_is_the_same_whatever_order_the_rest_came_in(heard: Lossy) -> None:
    talk, _, order = heard
    assert arrived(talk, order) == arrived(talk, sorted(order))


SAID = st.tuples(st.sampled_from(["rep", "lead"]), st.integers(0, 9), st.booleans(), st.integers(0, 4_000))


@given(st.lists(SAID, min_size=1, max_size=9), st.data())
def test_it_is_the_same_too_whoever_speaks_how_fast(
    said: list[tuple[str, int, bool, int]], data: st.DataObject
) -> None:
    talk, now_ms = [], 3_000
    for track, count, final, later_ms in said:
        now_ms += later_ms
        talk.append(Said(now_ms, Words(track, count, now_ms - WORD_MS * count, final)))
    in_order = [at for at in range(len(talk)) if data.draw(st.booleans())]
    assert arrived(talk, data.draw(st.permutations(in_order))) == arrived(talk, in_order)


def heard(*said: tuple[int, int, int, bool]) -> Hole:
    """The one hole that is left by messages of one track: their numbers, times, how many words, and whether final."""
    arrivals = Arrivals()
    for number, at_ms, count, final in said:
        arrivals = arrivals.take(number, at_ms, Words("rep", count, at_ms - WORD_MS * count, final))
    (hole,) = kept(arrivals).holes
    return hole


@pytest.mark.parametrize("final_first", [True, False])
def test_words_that_go_on_behind_a_hole_do_so_whenever_those_before_it_come(final_first: bool) -> None:
    shown = [(at + 1, 1_000 + WORD_MS * (at + 1), at + 1, False) for at in range(4)]
    final = (6, 2_600, 5, True)
    assert heard(*([final, *shown] if final_first else [*shown, final])).said_from_ms == 2_200


@pytest.mark.parametrize("order", list(permutations(range(5))))
def test_fewer_words_in_a_burst_behind_a_lost_final_are_the_next_sentences(order: tuple[int, ...]) -> None:
    """The number 3 is lost."""
    said = [
        (1, 10_600, 2, False),
        (2, 11_200, 4, False),
        (4, 11_500, 2, False),
        (5, 11_900, 8, False),
        (6, 13_000, 0, False),
    ]
    assert heard(*(said[at] for at in order)).said_from_ms == 10_000


def test_as_many_words_in_a_burst_behind_a_lost_message_go_on() -> None:
    assert heard((1, 10_600, 2, False), (2, 11_200, 4, False), (4, 11_500, 4, False)).said_from_ms == 11_200


def test_a_hole_that_was_divided_by_who_knows_nothing_of_what_was_shown_keeps_what_was_shown_before_it() -> None:
    arrivals = Arrivals().take(1, 1_300, Words("rep", 1, 1_000, final=False)).take(5, 9_000)
    _, shown = arrivals.rows()
    divided = Arrivals.read(9, 12_000, [[2, 2, 1_300, 9_000], [4, 4, 1_300, 9_000]], shown)
    assert [hole.said_from_ms for hole in divided.holes] == [1_000, 1_000]


def test_before_a_hole_that_who_knows_nothing_of_that_has_opened_was_shown_what_was_shown_last() -> None:
    arrivals = Arrivals().take(1, 1_000).take(3, 3_000).take(4, 4_300, Words("rep", 1, 4_000, final=False))
    holes, shown = arrivals.rows()
    opened = Arrivals.read(9, 9_000, [*holes, [5, 8, 4_300, 9_000]], shown)
    assert [hole.said_from_ms for hole in opened.holes] == [1_000, 4_000]


FORMS_BEFORE = ([["rep", -1, 1_000, 1_300]], {"now": [["rep", -1, [[1_000, 1_300]], 900]], "holes": []})


@pytest.mark.parametrize("shown", [{}, [], None, *FORMS_BEFORE])
def test_of_a_stream_that_nothing_was_noted_of_nothing_was_shown(shown: object) -> None:
    assert Arrivals.read(0, 0, [], shown) == Arrivals()
    (hole,) = Arrivals.read(5, 9_000, [[2, 4, 1_300, 9_000, [["rep", -1, 1_000, 1_300]]]], shown).holes
    assert hole.said_from_ms == 1_300
    assert Shown("rep").waiting == ()


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
        == 4_700
    )


def test_noise_that_was_shown_long_ago_is_not_what_is_missing() -> None:
    later_ms = 1_300 + SHOWN_FOR_MS
    assert heard((1, 1_300, 1, False), (2, later_ms, 0, False), (4, later_ms + 900, 0, True)).said_from_ms == later_ms
