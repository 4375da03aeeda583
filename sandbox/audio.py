"""Sound on a line: 8 kHz mu-law, in frames of 20 ms, and the few tones that a carrier makes."""

import math
from dataclasses import dataclass

RATE_HZ = 8_000
FRAME_MS = 20
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1_000
SILENCE = b"\xff"
_BIAS, _CLIP = 0x84, 32_635


def encode_sample(sample: int) -> int:
    """ITU-T G.711 mu-law of one 16-bit sample."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | (magnitude >> (exponent + 3)) & 0x0F) & 0xFF


def tone(frequencies_hz: tuple[int, ...], duration_s: float, *, amplitude: float) -> bytes:
    """A sum of sines. amplitude: of each sine, 1.0 being full scale."""
    peak = amplitude * 32_767
    return bytes(
        encode_sample(round(peak * sum(math.sin(2 * math.pi * hz * n / RATE_HZ) for hz in frequencies_hz)))
        for n in range(round(duration_s * RATE_HZ))
    )


def silence(duration_s: float) -> bytes:
    return SILENCE * round(duration_s * RATE_HZ)


# North American ringback: 440 + 480 Hz, two seconds on, four off.
RINGBACK = tone((440, 480), 2.0, amplitude=0.06) + silence(4.0)
BEEP = tone((1_000,), 0.4, amplitude=0.1)
# Say has no voice here: a faint hum stands for the machine's words, so that no recogniser reads text into it.
MURMUR = tone((120,), 1.0, amplitude=0.004)


@dataclass(slots=True)
class Clip:
    """A stretch of sound on a line. starts_s, stops_s: on the event loop's clock."""

    starts_s: float
    data: bytes
    loop: bool
    stops_s: float = math.inf


class Line:
    """One direction of one leg: what is heard on it at any moment. The newest sound wins; there is no mixing."""

    def __init__(self, media_scale: float) -> None:
        self._scale = media_scale
        self._clips: list[Clip] = []

    def play(self, data: bytes, *, at_s: float, loop: bool = False) -> Clip:
        clip = Clip(at_s, data, loop)
        # Sounds that ended a while ago can no longer be asked for.
        self._clips = [old for old in self._clips if self._ends_s(old) > at_s - 10] + [clip]
        return clip

    def stop(self, clip: Clip, *, at_s: float) -> None:
        clip.stops_s = min(clip.stops_s, at_s)

    def frame(self, at_s: float) -> bytes:
        """The 20 ms that begin at `at_s`; silence where nothing plays."""
        for clip in reversed(self._clips):
            if clip.starts_s <= at_s < self._ends_s(clip):
                offset = round((at_s - clip.starts_s) * RATE_HZ / self._scale)
                if clip.loop:
                    offset %= len(clip.data)
                    return (clip.data + clip.data[:FRAME_SAMPLES])[offset : offset + FRAME_SAMPLES]
                return clip.data[offset : offset + FRAME_SAMPLES].ljust(FRAME_SAMPLES, SILENCE)
        return SILENCE * FRAME_SAMPLES

    def _ends_s(self, clip: Clip) -> float:
        length_s = math.inf if clip.loop else len(clip.data) / RATE_HZ * self._scale
        return min(clip.stops_s, clip.starts_s + length_s)
