"""What is missing of a row of numbered messages is known, whatever order they come in."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.arrivals import HOLES_MAX, Arrivals

SENT = range(7, 16)


def taken(numbers: list[int]) -> Arrivals:
    arrivals = Arrivals()
    for number in numbers:
        arrivals = arrivals.take(number, number * 100)
    return arrivals


def missing(arrivals: Arrivals) -> set[int]:
    return {number for hole in arrivals.holes for number in range(hole.first, hole.last + 1)}


@given(st.permutations(SENT), st.sets(st.sampled_from(SENT[1:-1])), st.lists(st.sampled_from(SENT), max_size=6))
def test_exactly_what_did_not_come_is_missing(order: list[int], lost: set[int], again: list[int]) -> None:
    rest = [number for number in order if number not in lost and number != SENT[0]]
    repeated = [number for number in again if number not in lost]
    arrivals = taken([SENT[0], *rest, *repeated])
    assert missing(arrivals) == lost
    assert (arrivals.highest, arrivals.newest_ms) == (SENT[-1], SENT[-1] * 100)


def test_a_hole_lasts_from_what_came_before_it_to_what_came_after_it() -> None:
    (hole,) = taken([7, 8, 12]).holes
    assert (hole.first, hole.last, hole.start_ms, hole.end_ms) == (9, 11, 800, 1_200)
    left = taken([7, 8, 12, 10]).holes
    assert [(hole.first, hole.last) for hole in left] == [(9, 9), (11, 11)]


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
def test_nothing_is_missing_once_all_have_come_whichever_came_first(order: tuple[int, ...]) -> None:
    assert missing(taken(list(order))) == set()


def test_a_hole_is_given_up_when_it_is_old_and_when_there_are_too_many() -> None:
    arrivals, given_up = taken([7, 9, 11]).give_up(before_ms=1_000)
    assert [hole.first for hole in given_up] == [8]
    assert missing(arrivals) == {10}
    arrivals, given_up = taken(list(range(1, 2 * HOLES_MAX + 10, 2))).give_up(before_ms=0)
    assert (len(arrivals.holes), given_up[0].first) == (HOLES_MAX, 2)
