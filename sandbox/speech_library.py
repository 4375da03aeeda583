"""The recorded dialogues of sandbox/speech: two mu-law tracks and what is said on them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from sandbox import audio


class Turn(TypedDict):
    """What one of the two says without a pause. speaker: agent or callee."""

    speaker: str
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """agent, callee: mu-law at 8 kHz."""

    id: str
    title: str
    callee_name: str
    agent: bytes
    callee: bytes
    turns: tuple[Turn, ...]

    @property
    def duration_s(self) -> float:
        return max(len(self.agent), len(self.callee)) / audio.RATE_HZ


class SpeechLibrary:
    """All dialogues, in the order of the manifest."""

    def __init__(self, folder: Path) -> None:
        self.dialogues = _load(folder)

    @property
    def ids(self) -> list[str]:
        return [dialogue.id for dialogue in self.dialogues]

    def pick(self, wanted: str, e164: str) -> Dialogue:
        """The dialogue of that id, else the one that the number's last digit picks."""
        for dialogue in self.dialogues:
            if dialogue.id == wanted:
                return dialogue
        digit = int(e164[-1]) if e164[-1:].isdigit() else 0
        return self.dialogues[digit % len(self.dialogues)]


def _load(folder: Path) -> list[Dialogue]:
    manifest = folder / "dialogues.json"
    if not manifest.exists():
        return [_tones()]
    return [_dialogue(folder, entry) for entry in json.loads(manifest.read_text())["dialogues"]]


def _dialogue(folder: Path, entry: dict[str, Any]) -> Dialogue:
    turns = json.loads((folder / entry["turns_file"]).read_text())["turns"]
    return Dialogue(
        id=entry["id"],
        title=entry["title"],
        callee_name=entry.get("callee_name", ""),
        agent=(folder / entry["tracks"]["agent"]).read_bytes(),
        callee=(folder / entry["tracks"]["callee"]).read_bytes(),
        turns=tuple(turns),
    )


def _tones() -> Dialogue:
    """Two tones in turn, for a folder without speech: enough to tell the tracks apart."""
    one, other, pause = audio.tone((300,), 1.0, amplitude=0.1), audio.tone((700,), 1.0, amplitude=0.1), audio.silence(1)
    return Dialogue("tones", "Two tones in turn", "", one + pause, pause + other, ())
