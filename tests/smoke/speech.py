"""What was spoken, and how well and how soon it became text."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SPEECH = Path(__file__).resolve().parents[2] / "sandbox" / "speech"


# Of the shorter of a segment and a turn, this share must be common time for one to be the words of the other.
SAME_TIME_MIN = 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the turns of the dialogue that answer it, each with speaker, start_ms and end_ms."""

    text: str
    turns: list[dict[str, Any]]

    def is_answered_by(self, segment: dict[str, Any], *, offset_ms: float) -> bool:
        """Whether the segment lies where an answering turn was spoken. offset_ms: when in the call the dialogue began."""
        return any(
            segment["speaker"] == turn["speaker"]
            and _common_ms(segment, turn, offset_ms)
            >= SAME_TIME_MIN * min(segment["end_ms"] - segment["start_ms"], turn["end_ms"] - turn["start_ms"])
            for turn in self.turns
        )


def _common_ms(segment: dict[str, Any], turn: dict[str, Any], offset_ms: float) -> float:
    since = max(segment["start_ms"], turn["start_ms"] + offset_ms)
    until = min(segment["end_ms"], turn["end_ms"] + offset_ms)
    return float(until - since)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A recorded dialogue of the sandbox, with its words, questions that it answers and some that it does not."""

    id: str
    turns: list[dict[str, Any]]
    questions: list[Asked]
    unanswerable: list[str]

    def words(self, speaker: str) -> str:
        return " ".join(turn["text"] for turn in self.turns if turn["speaker"] == speaker)


@cache
def dialogue(name: str) -> Dialogue:
    listed = json.loads((SPEECH / "dialogues.json").read_text())["dialogues"]
    entry = next(each for each in listed if each["id"] == name)
    turns = json.loads((SPEECH / entry["turns_file"]).read_text())["turns"]
    questions = [Asked(each["question"], [turns[place] for place in each["turns"]]) for each in entry["questions"]]
    return Dialogue(name, turns, questions, entry["unanswerable"])
