"""One track's stream of audio, cut into utterances: a state machine that is fed with frames and answers with events."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ai.listening.audio import BYTES_PER_SAMPLE, SAMPLES_PER_MS, samples_of
from ai.listening.foreground import Foreground
from ai.listening.turns import TurnEnded, TurnKeeper
from ai.listening.vad import WINDOW_MS, WINDOW_SAMPLES, SileroDetector

BYTES_PER_MS = SAMPLES_PER_MS * BYTES_PER_SAMPLE
WINDOW_BYTES = WINDOW_SAMPLES * BYTES_PER_SAMPLE
# Sound that begins between two whole milliseconds bears one of them, and may follow sound that did so too.
ROUNDED_MS = 1
# How far back the beginning of speech is looked for.
ONSET_WINDOWS_SEEN = 5


@dataclass(frozen=True, slots=True)
class Tuning:
    """When speech begins and ends.

    onset, release: speech probability above which it begins, below which it pauses.
    onset_windows: loud windows among the last five before speech is believed; a click has fewer.
    pause_ms: pause that may end an utterance; at least after_ms.
    pause_after_ms, pause_until_ms: speech after which such a pause mostly does end it. Who has said less mostly goes on; and
        where more is heard without an end, it is mostly the noise around that goes on.
    endpoint_ms: pause that ends an utterance; long enough not to cut inside a sentence.
    longest_ms: an utterance is cut at its quietest place after so much.
    before_ms, after_ms: audio kept around the speech, so that soft consonants are not lost.
    interim_ms: speech between two interim results; grows with what each has to hear, since its cost does.
    interim_longest_ms: what an interim result has to hear; where an utterance gets longer, its beginning is let go of as a part.
    gap_ms: missing audio from which on a Gap is reported; less is filled with silence.
    turn_pause_ms: pause that ends a turn of several utterances.
    turn_longest_ms: a turn's longest audio; the utterance that would not fit begins the next turn.
    """

    onset: float = 0.5
    release: float = 0.35
    onset_windows: int = 3
    pause_ms: int = 320
    pause_after_ms: int = 1_600
    pause_until_ms: int = 7_500
    endpoint_ms: int = 480
    longest_ms: int = 14_000
    before_ms: int = 256
    after_ms: int = 192
    interim_ms: int = 700
    interim_longest_ms: int = 4_800
    gap_ms: int = 200
    turn_pause_ms: int = 1_500
    turn_longest_ms: int = 14_000


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    start_ms: int


@dataclass(frozen=True, slots=True)
class _Heard:
    """audio_start_ms: the stream time of pcm's first sample, a little before start_ms."""

    start_ms: int
    end_ms: int
    audio_start_ms: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class InterimDue(_Heard):
    """The utterance so far, without the parts that earlier ones have let go of.

    part: the audio right before pcm, which is let go of now: no later one of this utterance brings it again. Mostly empty.
    """

    part: bytes = b""


@dataclass(frozen=True, slots=True)
class SpeechPaused(_Heard):
    """What SpeechEnded will bring, to the last sample, unless somebody goes on speaking; early_ms before it does."""

    early_ms: int


@dataclass(frozen=True, slots=True)
class SpeechEnded(_Heard):
    """A whole utterance."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of the stream that never arrived, or was dropped."""

    start_ms: int
    end_ms: int


Event = SpeechStarted | InterimDue | SpeechPaused | SpeechEnded | TurnEnded | Gap

# Asks for the speech probability of one window after another, and ends with what was found.
Listening = Generator[NDArray[np.float32], float | None, list[Event]]


class Segmenter:
    """Feeds one track's audio through a speech detector. All times are milliseconds of stream time.

    Holds at most longest_ms of audio, and turn_longest_ms of the turn before it. Not safe to be fed from two threads at once.
    """

    def __init__(self, detector: SileroDetector, tuning: Tuning | None = None) -> None:
        self._detector = detector
        self._tuning = tuning or Tuning()
        self._foreground = Foreground(onset=self._tuning.onset, release=self._tuning.release)
        self._pending = bytearray()
        self._pending_start_ms: int | None = None
        self._audio = bytearray()
        self._audio_start_ms = 0
        self._probabilities: list[float] = []
        self._start_ms: int | None = None
        self._last_speech_ms = 0
        self._next_interim_ms = 0
        self._interim_from_ms = 0
        self._turns = TurnKeeper(
            pause_ms=self._tuning.turn_pause_ms,
            longest_ms=self._tuning.turn_longest_ms,
            after_ms=self._tuning.after_ms,
        )

    @property
    def speaking(self) -> bool:
        return self._start_ms is not None

    @property
    def settled_ms(self) -> int:
        """Before this, no utterance is open: what was said earlier has been handed out as events."""
        if self._start_ms is not None:
            return self._start_ms
        if self._pending_start_ms is None:
            return 0
        # The windows in which speech may have begun without being believed yet.
        return max(0, self._pending_start_ms - ONSET_WINDOWS_SEEN * WINDOW_MS)

    def begin(self, at_ms: int) -> None:
        """The stream's first audio lies here, whether or not it comes."""
        self._pending_start_ms = self._audio_start_ms = at_ms

    def feed(self, pcm: bytes, timestamp_ms: int) -> list[Event]:
        """The next audio, of any length: 8 kHz, signed 16-bit little-endian mono, whole samples.

        Audio that repeats what was already heard is left out; audio that is missing becomes silence or a Gap.
        :raises ValueError: when pcm is not a whole number of samples.
        """
        return self._alone(self.feeding(pcm, timestamp_ms))

    def feeding(self, pcm: bytes, timestamp_ms: int) -> Listening:
        """As `feed`, for somebody who asks the detector for several tracks at once."""
        if len(pcm) % BYTES_PER_SAMPLE:
            raise ValueError("The audio is not a whole number of 16-bit samples.")
        events: list[Event] = []
        if self._pending_start_ms is None:
            self.begin(timestamp_ms)
        missing_ms = timestamp_ms - self._heard_until_ms()
        if missing_ms < -ROUNDED_MS:
            pcm = pcm[-missing_ms * BYTES_PER_MS :]
        elif missing_ms >= self._tuning.gap_ms:
            events += self._interrupted(timestamp_ms)
        elif missing_ms > ROUNDED_MS:
            self._pending += bytes(missing_ms * BYTES_PER_MS)
        self._pending += pcm
        return events + (yield from self._draining())

    def finish(self) -> list[Event]:
        """The stream has ended: whatever is being said is over."""
        if self._pending:
            self._pending += bytes(-len(self._pending) % WINDOW_BYTES)
        return [*self._drained(), *self._ended(), *self._turns.end()]

    def _heard_until_ms(self) -> int:
        assert self._pending_start_ms is not None
        return self._pending_start_ms + len(self._pending) // BYTES_PER_MS

    def _interrupted(self, resumes_ms: int) -> list[Event]:
        """Sound on both sides of a hole does not belong together: end here, start anew behind it."""
        gap = Gap(self._heard_until_ms(), resumes_ms)
        events = self.finish()
        self._pending.clear()
        self._audio.clear()
        self._probabilities.clear()
        self._detector.reset()
        self._pending_start_ms = self._audio_start_ms = resumes_ms
        return [*events, gap]

    def _alone(self, listening: Listening) -> list[Event]:
        """Listens with this track's detector alone."""
        probability: float | None = None
        while True:
            try:
                window = listening.send(probability)
            except StopIteration as over:
                found: list[Event] = over.value
                return found
            probability = self._detector.speech_probability(window)

    def _drained(self) -> list[Event]:
        return self._alone(self._draining())

    def _draining(self) -> Listening:
        """Work through every whole window that has arrived."""
        whole = len(self._pending) // WINDOW_BYTES * WINDOW_BYTES
        if not whole:
            return []
        assert self._pending_start_ms is not None
        pcm = bytes(self._pending[:whole])
        del self._pending[:whole]
        samples = samples_of(pcm)
        events: list[Event] = []
        for index in range(whole // WINDOW_BYTES):
            self._audio += pcm[index * WINDOW_BYTES : (index + 1) * WINDOW_BYTES]
            self._pending_start_ms += WINDOW_MS
            window = samples[index * WINDOW_SAMPLES : (index + 1) * WINDOW_SAMPLES]
            probability = yield window
            assert probability is not None
            events += self._heard(self._foreground.probability(window, probability))
            events += self._turns.waited(self._pending_start_ms, self._start_ms)
        return events

    def _heard(self, probability: float) -> list[Event]:
        assert self._pending_start_ms is not None
        now_ms = self._pending_start_ms
        self._probabilities.append(probability)
        if self._start_ms is None:
            return self._listening(now_ms)
        if probability >= self._tuning.release:
            self._last_speech_ms = now_ms
        quiet_ms = now_ms - self._last_speech_ms
        if quiet_ms >= self._tuning.endpoint_ms:
            return self._ended()
        if now_ms - self._audio_start_ms >= self._tuning.longest_ms:
            return self._cut()
        if now_ms - self._start_ms >= self._next_interim_ms and self._last_speech_ms == now_ms:
            return [self._interim_due(self._start_ms, now_ms)]
        if quiet_ms - WINDOW_MS < self._tuning.pause_ms <= quiet_ms:
            return self._paused(self._start_ms, self._tuning.endpoint_ms - quiet_ms)
        return []

    def _interim_due(self, start_ms: int, now_ms: int) -> InterimDue:
        part = b""
        if now_ms - self._interim_from_ms > self._tuning.interim_longest_ms:
            # At the quietest window of the middle third; each window of audio has its probability.
            first = (self._interim_from_ms - self._audio_start_ms) // WINDOW_MS
            third = (len(self._probabilities) - first) // 3
            after = first + third + int(np.argmin(self._probabilities[first + third : first + 2 * third])) + 1
            part = bytes(self._audio[first * WINDOW_BYTES : after * WINDOW_BYTES])
            self._interim_from_ms = self._audio_start_ms + after * WINDOW_MS
        pcm = bytes(self._audio[(self._interim_from_ms - self._audio_start_ms) * BYTES_PER_MS :])
        step_ms = max(self._tuning.interim_ms, (now_ms - self._interim_from_ms) // 5)
        self._next_interim_ms = now_ms - start_ms + step_ms
        return InterimDue(start_ms, now_ms, self._interim_from_ms, pcm, part)

    def _listening(self, now_ms: int) -> list[Event]:
        """Nobody speaks yet: keep a little audio from before the first word."""
        recent = self._probabilities[-ONSET_WINDOWS_SEEN:]
        if sum(one >= self._tuning.onset for one in recent) >= self._tuning.onset_windows:
            first = next(index for index, one in enumerate(recent) if one >= self._tuning.onset)
            self._start_ms = now_ms - (len(recent) - first) * WINDOW_MS
            self._last_speech_ms = now_ms
            self._next_interim_ms = self._tuning.interim_ms
            self._interim_from_ms = self._audio_start_ms
            return [SpeechStarted(self._start_ms)]
        keep = (self._tuning.before_ms // WINDOW_MS) + len(recent)
        self._forget(len(self._probabilities) - keep)
        return []

    def _forget(self, windows: int) -> None:
        if windows > 0:
            del self._probabilities[:windows]
            self._turns.passed(bytes(self._audio[: windows * WINDOW_BYTES]))
            del self._audio[: windows * WINDOW_BYTES]
            self._audio_start_ms += windows * WINDOW_MS

    def _paused(self, start_ms: int, early_ms: int) -> list[Event]:
        end_ms = self._last_speech_ms
        if not self._tuning.pause_after_ms <= end_ms - start_ms <= self._tuning.pause_until_ms:
            return []
        pcm = bytes(self._audio[: self._kept_ms() * BYTES_PER_MS])
        return [SpeechPaused(start_ms, end_ms, self._audio_start_ms, pcm, early_ms)]

    def _kept_ms(self) -> int:
        """How much of the audio is the utterance that ends with the last speech."""
        heard_ms = len(self._audio) // BYTES_PER_MS
        return min(self._last_speech_ms + self._tuning.after_ms - self._audio_start_ms, heard_ms)

    def _ended(self) -> list[Event]:
        if self._start_ms is None:
            return []
        end_ms = self._last_speech_ms
        if end_ms <= self._start_ms:
            # Nothing more was said after a cut.
            self._start_ms = None
            return []
        kept_ms = self._kept_ms()
        ended = SpeechEnded(self._start_ms, end_ms, self._audio_start_ms, bytes(self._audio[: kept_ms * BYTES_PER_MS]))
        turn = self._turns.begin(ended.start_ms, ended.end_ms, ended.audio_start_ms)
        self._start_ms = None
        self._forget(kept_ms // WINDOW_MS)
        return [*turn, ended]

    def _cut(self) -> list[Event]:
        """A long utterance is cut at the quietest window of its last third; the rest begins the next one."""
        assert self._start_ms is not None
        first = len(self._probabilities) * 2 // 3
        window = first + int(np.argmin(self._probabilities[first:]))
        cut_ms = self._audio_start_ms + (window + 1) * WINDOW_MS
        pcm = bytes(self._audio[: (window + 1) * WINDOW_BYTES])
        ended = SpeechEnded(self._start_ms, cut_ms, self._audio_start_ms, pcm)
        turn = self._turns.begin(ended.start_ms, ended.end_ms, ended.audio_start_ms)
        self._forget(window + 1)
        self._start_ms = cut_ms
        self._next_interim_ms = self._tuning.interim_ms
        self._interim_from_ms = self._audio_start_ms
        return [*turn, ended, SpeechStarted(cut_ms)]
