"""What came of live calls, as figures: how late their text was, and how much of it was wrong."""

from statistics import median

import numpy as np

from ai.listening.wer import word_error_rate
from bench.calls import Heard

# A turn's noted end and its segment's may differ by so much and still be the same end.
SAME_END_MS = 400
MOMENTS_EVERY_MS = 100


def final_delays(heard: Heard) -> list[float]:
    """ms from the end of speech to its text in the browser's socket: of every utterance, and of every turn whose end was noted.

    An utterance's end is the noted one where that is near. A turn's end at which no utterance ends (nobody noticed the pause)
    waits for the text of the utterance that goes over it.
    """
    delays = []
    for speaker, track in heard.speech.tracks().items():
        noted = [turn.end_ms for turn in track.turns if turn.end_ms >= 0]
        finals = [one for one in heard.finals if one.speaker == speaker]
        for text in finals:
            end_ms = next((end for end in noted if abs(end - text.end_ms) <= SAME_END_MS), text.end_ms)
            delays.append(text.at_s * 1_000 - end_ms)
        for end_ms in noted:
            over = [one.at_s for one in finals if one.start_ms < end_ms and one.end_ms > end_ms + SAME_END_MS]
            if over and not any(abs(one.end_ms - end_ms) <= SAME_END_MS for one in finals):
                delays.append(min(over) * 1_000 - end_ms)
    return delays


def final_ms(waves: dict[str, list[Heard]]) -> dict[str, dict[str, float]]:
    """By condition, and of all together."""
    delays = {
        condition: [delay for heard in wave for delay in final_delays(heard)] for condition, wave in waves.items()
    }
    together = [delay for found in delays.values() for delay in found]
    return {condition: quantiles(found) for condition, found in {**delays, "all": together}.items()}


def interim_delays(heard: Heard) -> list[float]:
    """ms from the last sound that an interim text covers to the text."""
    return [text.at_s * 1_000 - text.end_ms for text in heard.interims]


def first_text_delays(heard: Heard) -> list[float]:
    """ms from a moment of speech until the first text, interim or final, that goes over it; of every 100 ms that a final holds."""
    delays = []
    for final in heard.finals:
        texts = [one for one in (*heard.interims, *heard.finals) if one.speaker == final.speaker]
        for moment_ms in range(int(final.start_ms), int(final.end_ms), MOMENTS_EVERY_MS):
            covered_s = min(one.at_s for one in texts if one.start_ms <= moment_ms < one.end_ms)
            delays.append(covered_s * 1_000 - moment_ms)
    return delays


def quantiles(values: list[float], digits: int | None = None) -> dict[str, float]:
    if not values:
        return {"p50": 0.0, "p95": 0.0}
    return {"p50": round(median(values), digits), "p95": round(float(np.percentile(values, 95)), digits)}


def _once(wave: list[Heard]) -> list[Heard]:
    """Each speech as it was heard the first time: engines alone hear it once, too."""
    return list({heard.speech.name: heard for heard in reversed(wave)}.values())


def live_wer(waves: dict[str, list[Heard]], *, settled: bool, only: str = "") -> dict[str, float]:
    pairs: dict[str, list[tuple[str, str]]] = {}
    for condition, wave in waves.items():
        for heard in _once(wave):
            for speaker, track in heard.speech.tracks().items():
                if track.turns and only in ("", heard.speech.name):
                    text = heard.settled_text(speaker) if settled else heard.text(speaker)
                    pairs.setdefault(condition, []).append((track.text, text))
    rates = {condition: round(100 * word_error_rate(found), 2) for condition, found in pairs.items()}
    return {**rates, "all": round(100 * word_error_rate([one for found in pairs.values() for one in found]), 2)}
