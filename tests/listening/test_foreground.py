"""Who speaks into the telephone, and who is only heard behind."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ai.listening.audio import decode_mulaw, samples_of
from ai.listening.foreground import Foreground
from ai.listening.segmenter import Segmenter, SpeechEnded
from ai.listening.vad import WINDOW_SAMPLES, SileroDetector
from tests.listening.speech import DIALOGUES, TRACKS, mulaw, turns

BYTES_PER_MS = 16
FRAME_BYTES = 320
VOICES = 16
ONSET, RELEASE = 0.5, 0.35
# A turn's end is noticed when it is handed out so soon after it.
IN_TIME_MS = 1_000
CALLS = [(dialogue, track) for dialogue in DIALOGUES for track in TRACKS]

Audio = NDArray[np.float32]


def _voice(dialogue: str, track: str) -> Audio:
    return samples_of(decode_mulaw(mulaw(dialogue, track)))


def _rms(audio: Audio) -> float:
    """Of the louder half of it, in pieces of 20 ms: of speech, without its pauses."""
    power = np.mean(audio[: len(audio) // 160 * 160].reshape(-1, 160) ** 2, axis=1)
    return float(np.sqrt(np.mean(power[power >= max(np.median(power), 1e-6)])))


def _murmur(samples: int, without: str, seed: int) -> Audio:
    """So many voices of other calls at once that no word is understood, as loud as speech."""
    random = np.random.default_rng(seed)
    voices = [_voice(*one) for one in CALLS if one[0] != without]
    several = [
        np.resize(np.roll(voices[one], int(random.integers(80_000))), samples)
        for one in random.choice(len(voices), VOICES)
    ]
    murmur = np.sum(several, axis=0)
    return np.asarray(murmur / _rms(murmur) * 0.1, dtype=np.float32)


def _before_murmur(dialogue: str, track: str, below_db: float, seed: int = 1) -> Audio:
    voice = _voice(dialogue, track)
    murmur = _murmur(len(voice), dialogue, seed)
    return np.asarray(voice + murmur * _rms(voice) / 0.1 * 10 ** (-below_db / 20), dtype=np.float32)


def _heard(audio: Audio) -> list[tuple[int, SpeechEnded]]:
    """Every utterance, and when it was handed out."""
    pcm = (np.clip(audio, -1, 1) * 32_767).astype("<i2").tobytes()
    segmenter = Segmenter(SileroDetector())
    found = []
    for at in range(0, len(pcm), FRAME_BYTES):
        events = segmenter.feed(pcm[at : at + FRAME_BYTES], at // BYTES_PER_MS)
        found += [(at // BYTES_PER_MS + 20, event) for event in events if isinstance(event, SpeechEnded)]
    end_ms = len(pcm) // BYTES_PER_MS
    return found + [(end_ms, event) for event in segmenter.finish() if isinstance(event, SpeechEnded)]


def _in_time(heard: list[tuple[int, SpeechEnded]], end_ms: int) -> bool:
    return any(abs(one.end_ms - end_ms) <= 400 and at_ms - end_ms <= IN_TIME_MS for at_ms, one in heard)


def test_most_turns_end_in_time_before_a_murmur_of_others() -> None:
    seen = []
    for dialogue, track in CALLS:
        heard = _heard(_before_murmur(dialogue, track, 10))
        seen += [_in_time(heard, turn["end_ms"]) for turn in turns(dialogue, track)]
    # Measured 46 of 53; the detector alone notices 20.
    assert sum(seen) > 0.7 * len(seen), f"{sum(seen)} of {len(seen)}"


def test_a_first_turn_ends_in_time_before_a_murmur_that_was_never_heard_alone() -> None:
    seen = []
    for seed in (1, 2, 3):
        for dialogue, track in CALLS:
            end_ms = turns(dialogue, track)[0]["end_ms"]
            heard = _heard(_before_murmur(dialogue, track, 10, seed)[: (end_ms + 2 * IN_TIME_MS) * 8])
            seen.append(_in_time(heard, end_ms))
    # Measured 25 of 30; 22 where the first windows teach no more than later ones, 13 where nothing is learned in the first second.
    assert sum(seen) > 0.75 * len(seen), f"{sum(seen)} of {len(seen)}"


def test_hardly_a_moment_of_a_turn_is_lost_in_the_murmur() -> None:
    lost_ms = spoken_ms = 0
    for dialogue, track in CALLS:
        heard = [one for _, one in _heard(_before_murmur(dialogue, track, 10))]
        for turn in turns(dialogue, track):
            covered = np.zeros(turn["end_ms"] - turn["start_ms"], dtype=bool)
            for one in heard:
                end_ms = one.audio_start_ms + len(one.pcm) // BYTES_PER_MS
                covered[max(0, one.audio_start_ms - turn["start_ms"]) : max(0, end_ms - turn["start_ms"])] = True
            lost_ms += int(np.sum(~covered))
            spoken_ms += len(covered)
    assert lost_ms < 0.03 * spoken_ms, f"{lost_ms} of {spoken_ms} ms"


def test_a_murmur_alone_is_mostly_nobodys_speech() -> None:
    said_ms = 0
    for seed in (5, 6, 7, 8):
        heard = _heard(_murmur(60 * 8_000, "", seed) * 0.3)
        said_ms += sum(one.end_ms - one.start_ms for _, one in heard)
    # Measured 59 s of these 240; the detector alone takes 234 s for speech.
    assert said_ms < 0.4 * 4 * 60_000, f"{said_ms} ms"


@pytest.mark.parametrize("quieter_db", [10, 20])
@pytest.mark.parametrize("noise", [0.0, 0.0005])
def test_who_turns_away_from_the_telephone_is_heard_on(quieter_db: float, noise: float) -> None:
    for dialogue, track in CALLS:
        voice = _voice(dialogue, track)
        said = turns(dialogue, track)
        middle = said[len(said) // 2]["start_ms"] * 8 - 1_600
        voice[middle:] *= 10 ** (-quieter_db / 20)
        voice += np.random.default_rng(2).normal(0, noise, len(voice)).astype(np.float32)
        heard = _heard(voice)
        for turn in said:
            assert any(one.start_ms < turn["end_ms"] and one.end_ms > turn["start_ms"] for _, one in heard), turn


def test_a_voice_that_grows_soft_within_a_sentence_is_heard_to_its_end() -> None:
    for dialogue, track in CALLS:
        voice, said = _voice(dialogue, track), turns(dialogue, track)
        for turn in said:
            start, end = turn["start_ms"] * 8, turn["end_ms"] * 8
            voice[start:end] *= np.linspace(1, 10 ** (-15 / 20), end - start, dtype=np.float32)
        heard = _heard(voice)
        for turn in said:
            assert any(one.start_ms < turn["end_ms"] <= one.end_ms + 300 for _, one in heard), turn


def _words(audio: Audio) -> list[tuple[float, float]]:
    """For each window the detector's word, and what becomes of it."""
    detector, foreground = SileroDetector(), Foreground(onset=ONSET, release=RELEASE)
    windows = audio[: len(audio) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
    said = [detector.speech_probability(window) for window in windows]
    return [(one, foreground.probability(window, one)) for window, one in zip(windows, said, strict=True)]


@pytest.mark.parametrize("below_db", [15, 25])
def test_where_nobody_speaks_behind_the_detectors_word_counts(below_db: float) -> None:
    for dialogue, track in CALLS:
        voice = _voice(dialogue, track)
        assert all(said == counts for said, counts in _words(voice)), (dialogue, track)
        noise = np.random.default_rng(4).normal(0, _rms(voice) * 10 ** (-below_db / 20), len(voice))
        noisy = _words(np.asarray(voice + noise, dtype=np.float32))
        turned = [said for said, counts in noisy if (said >= RELEASE) != (counts >= RELEASE)]
        assert len(turned) <= 0.02 * len(noisy), (dialogue, track)


def test_the_speaker_is_never_heard_where_the_detector_hears_nobody() -> None:
    for dialogue, track in CALLS:
        assert all(counts <= said for said, counts in _words(_before_murmur(dialogue, track, 10))), (dialogue, track)
