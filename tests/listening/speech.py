"""The recorded calls that the project ships, and how they are played to a listener."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ai.listening.audio import decode_mulaw
from ai.listening.client import TranscriberClient
from ai.listening.track import TrackCounts, TrackListener
from ai.listening.transcriber import Recognition

SPEECH = Path(__file__).parents[2] / "sandbox" / "speech"
MANIFEST = json.loads((SPEECH / "dialogues.json").read_text())
DIALOGUES: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in MANIFEST["dialogues"]}
TRACKS = ("agent", "callee")
PACE = 6  # times as fast as a real call, so that the tests end soon


@dataclass
class Heard:
    """Everything that one track's listener reported."""

    interims: list[tuple[str, int, int]] = field(default_factory=list)
    finals: list[tuple[Recognition, int, int]] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    merged: list[tuple[Recognition, int, int]] = field(default_factory=list)
    # Of each of them, where the finals begin that it says that it replaces.
    replaced: list[list[int]] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    counts: TrackCounts = field(default_factory=TrackCounts)

    @property
    def text(self) -> str:
        return " ".join(recognition.text for recognition, _, _ in self.finals)

    @property
    def settled(self) -> list[tuple[Recognition, int, int]]:
        """What is left when every merged turn has replaced the finals that lie within it."""
        kept = list(self.finals)
        for turn in self.merged:
            kept = [one for one in kept if not (turn[1] <= one[1] and one[2] <= turn[2])] + [turn]
        return sorted(kept, key=lambda one: one[1])

    @property
    def settled_text(self) -> str:
        return " ".join(recognition.text for recognition, _, _ in self.settled)


def turns(dialogue: str, track: str = "") -> list[dict[str, Any]]:
    found = json.loads((SPEECH / DIALOGUES[dialogue]["turns_file"]).read_text())["turns"]
    return [turn for turn in found if track in ("", turn["speaker"])]


def mulaw(dialogue: str, track: str) -> bytes:
    name: str = DIALOGUES[dialogue]["tracks"][track]
    return (SPEECH / name).read_bytes()


def turn_pcm(dialogue: str, index: int) -> bytes:
    """The audio of one turn, with a little of what is around it."""
    turn = turns(dialogue)[index]
    pcm = decode_mulaw(mulaw(dialogue, turn["speaker"]))
    return pcm[max(0, turn["start_ms"] - 200) * 16 : (turn["end_ms"] + 200) * 16]


async def listen(
    client: TranscriberClient, audio: bytes, *, frame_bytes: int = 160, context: str = "", pace: int = PACE
) -> Heard:
    """Play mu-law audio to a listener as a carrier does, only faster."""
    heard = Heard()

    async def on_interim(text: str, start_ms: int, end_ms: int) -> None:
        heard.interims.append((text, start_ms, end_ms))
        heard.order.append(f"interim {start_ms}")

    async def on_final(recognition: Recognition, start_ms: int, end_ms: int) -> None:
        heard.finals.append((recognition, start_ms, end_ms))
        heard.order.append(f"final {start_ms}")

    async def on_gap(start_ms: int, end_ms: int) -> None:
        heard.gaps.append((start_ms, end_ms))

    async def on_merged(recognition: Recognition, start_ms: int, end_ms: int, finals_ms: list[int]) -> None:
        heard.merged.append((recognition, start_ms, end_ms))
        heard.replaced.append(finals_ms)
        heard.order.append(f"merged {start_ms} {end_ms}")

    async def on_level(level: int) -> None:
        heard.levels.append(level)

    loop = asyncio.get_running_loop()
    started_s = loop.time()
    listener = TrackListener(
        track="inbound",
        client=client,
        on_interim=on_interim,
        on_final=on_final,
        on_gap=on_gap,
        elapsed_ms=lambda: round((loop.time() - started_s) * 1_000),
        on_merged=on_merged,
        on_level=on_level,
        context=context,
    )
    for at in range(0, len(audio), frame_bytes):
        await asyncio.sleep(max(0.0, started_s + at / 8_000 / pace - loop.time()))
        listener.feed(audio[at : at + frame_bytes], at // 8)
    await listener.flush()
    heard.counts = listener.counts
    return heard
