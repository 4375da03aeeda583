"""What a call is about and its gist, by counting: no statement is made that the turns do not carry."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from ai.language import FRAME_WORDS, WORD, plain
from ai.turns import Turn

TOPICS_MAX = 6
SUMMARY_TURNS_MAX = 4
# People introduce themselves and their firms in these; such names matter only when they come again.
GREETING_TURNS = 2
# A turn shorter than this is a greeting or an assent, not a gist.
SUMMARY_WORDS_MIN = 5

_DULL = """
afternoon alright anyway back bit bye come coming day days evening fine give go goes going good goodbye great hello hey
hi hour hours kind know let like little look lot made make mean minute minutes month months morning much name need new
next number okay one ones perfect person put question really right see send sorry speaking start sure take thank thanks
think time today tomorrow try two um use want wanted way week weeks well work works year years yeah yep hmm uh exactly
don can ll re ve won didn doesn isn aren couldn wouldn shouldn mister miss
monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october november december three four five six seven eight nine ten hundred thousand twenty thirty forty fifty sixty first second
dollars euros pounds percent actually honestly course maybe sounds glad understood interesting
"""
DULL_WORDS = FRAME_WORDS | frozenset(_DULL.split())


def topics(turns: Sequence[Turn], people: str) -> list[tuple[str, list[int]]]:
    """Key phrases with the positions of the turns that say them, most telling first.

    Phrases are runs of one to three telling words. They count when they are said in two turns, or when they are names,
    capitalised inside a sentence, after the greeting. people: who is on the call; their names are no topic.
    """
    own = {plain(match.group()) for match in WORD.finditer(people)}
    places: dict[str, list[int]] = defaultdict(list)
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    names: Counter[str] = Counter()
    for place, turn in enumerate(turns):
        for phrase, is_name in _phrases(turn.text):
            key = _key(phrase)
            if own & set(key.split()):
                continue
            if place not in places[key]:
                places[key].append(place)
            shown[key][phrase] += 1
            names[key] += is_name and place >= GREETING_TURNS
    weights = {
        key: len(at) * (1 + 0.6 * key.count(" ")) + (1.5 if names[key] else 0)
        for key, at in places.items()
        if len(at) > 1 or names[key]
    }
    chosen: list[str] = []
    for key in sorted(weights, key=lambda key: (-weights[key], places[key][0])):
        if not any(f" {key} " in f" {other} " or f" {other} " in f" {key} " for other in chosen):
            chosen.append(key)
    return [(shown[key].most_common(1)[0][0], places[key]) for key in chosen[:TOPICS_MAX]]


def _key(phrase: str) -> str:
    """One form for "truck" and "trucks"."""
    return " ".join(word[:-1] if len(word) > 4 and word.endswith("s") else word for word in phrase.lower().split())


def _phrases(text: str) -> list[tuple[str, bool]]:
    """Every run of telling words, and each of its words alone; True when its words are names."""
    found: list[tuple[str, bool]] = []
    run: list[tuple[str, bool]] = []
    end = 0
    for match in [*WORD.finditer(text), None]:
        word = match.group() if match else ""
        gap = text[end : match.start()] if match else "."
        telling = bool(word) and plain(word) not in DULL_WORDS and len(word) > 2 and not word[0].isdigit()
        telling = telling and "'" not in plain(word)
        if run and (not telling or gap != " " or len(run) == 3):
            found += _of_run(run)
            run = []
        if match and telling:
            inside = bool(end) and not re.search(r"[.?!]\s*$", text[: match.start()])
            run.append((re.sub(r"['\u2019]s$", "", word), word[0].isupper() and inside))
        end = match.end() if match else end
    return found


def _of_run(run: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    whole = " ".join(word for word, _ in run)
    singles = [(word, name) for word, name in run] if len(run) > 1 else []
    return [(whole, all(name for _, name in run)), *singles]


def gist(turns: Sequence[Turn], weights: dict[int, float]) -> list[int]:
    """Positions of the turns that tell most of the call, in the order of the call.

    weights: what other insights found in a turn; it counts beside the share of the call's common words.
    """
    said = [{plain(match.group()) for match in WORD.finditer(turn.text)} - DULL_WORDS for turn in turns]
    frequency = Counter(word for bag in said for word in bag)
    scores = {
        place: sum(frequency[word] - 1 for word in bag) / (4 + len(bag)) + weights.get(place, 0.0)
        for place, bag in enumerate(said)
        if len(WORD.findall(turns[place].text)) >= SUMMARY_WORDS_MIN and not turns[place].text.rstrip().endswith("?")
    }
    best = sorted(scores, key=lambda place: (-scores[place], place))[:SUMMARY_TURNS_MAX]
    return sorted(place for place in best if scores[place] > 0)
