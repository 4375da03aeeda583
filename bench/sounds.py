"""What is on a line while nobody speaks: silence, music, ringing and noise, as mu-law for as long as wanted."""

import numpy as np
from numpy.typing import NDArray

from bench.speech import Audio, encoded

Times = NDArray[np.float64]

RATE_HZ = 8_000
MIXES = ("silence", "music", "ringing", "noise")


def mixed(name: str, seconds: float, seed: int) -> bytes:
    """One track of one mix. seed: another track sounds differently."""
    random = np.random.default_rng(seed)
    times = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    made = {"silence": _silence, "music": _music, "ringing": _ringing, "noise": _noise}[name]
    return encoded(made(np.asarray(times, dtype=np.float64), random))


def _silence(times: Times, random: np.random.Generator) -> Audio:
    """Digital silence and a quiet line by turns."""
    return np.where(times % 20 < 10, 0, random.normal(0, 0.001, len(times))).astype(np.float32)


def _music(times: Times, random: np.random.Generator) -> Audio:
    """Chords with a melody, overtones and a beat, as hold music has."""
    scale = 220 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
    melody = scale[random.integers(0, 8, int(times[-1] * 2) + 1)][(times * 2).astype(int)]
    chord = scale[random.integers(0, 4, int(times[-1] / 2) + 1)][(times / 2).astype(int)] / 2
    fade = np.exp(-3 * (times * 2 % 1))
    tones = sum(np.sin(2 * np.pi * np.cumsum(melody * n) / RATE_HZ) / n for n in (1, 2, 3)) * fade
    tones = tones + sum(np.sin(2 * np.pi * np.cumsum(chord * n) / RATE_HZ) for n in (1, 1.25, 1.5)) / 2
    beat = random.normal(0, 1, len(times)) * np.exp(-30 * (times * 2 % 1)) * 0.3
    return np.asarray(0.12 * (tones + beat), dtype=np.float32)


def _ringing(times: Times, random: np.random.Generator) -> Audio:
    """The tones of American and British lines, busy and key tones, over a little noise."""
    ringing = (np.sin(2 * np.pi * 440 * times) + np.sin(2 * np.pi * 480 * times)) * (times % 6 < 2)
    british = (np.sin(2 * np.pi * 400 * times) + np.sin(2 * np.pi * 450 * times)) * (times % 3 % 0.6 < 0.4)
    busy = (np.sin(2 * np.pi * 480 * times) + np.sin(2 * np.pi * 620 * times)) * (times % 1 < 0.5)
    keys = (np.sin(2 * np.pi * 770 * times) + np.sin(2 * np.pi * 1_336 * times)) * (times % 0.7 < 0.1)
    which = (times / 15).astype(int) % 4
    return np.asarray(
        0.15 * np.choose(which, [ringing, british, busy, keys]) + random.normal(0, 0.004, len(times)), dtype=np.float32
    )


def _noise(times: Times, random: np.random.Generator) -> Audio:
    """White noise that swells and fades, mains hum, and clicks."""
    swell = 10 ** (-1 - 1.5 * (0.5 + 0.5 * np.sin(2 * np.pi * times / 17)))
    hum = 0.05 * np.sin(2 * np.pi * 120 * times) * (times % 40 < 20)
    clicks = (random.random(len(times)) < 2 / RATE_HZ) * 0.5
    return np.asarray(swell * random.normal(0, 1, len(times)) + hum + clicks, dtype=np.float32)
