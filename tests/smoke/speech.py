"""What was spoken, and how well and how soon it became text."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SPEECH = Path(__file__).resolve().parents[2] / "sandbox" / "speech"


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A recorded dialogue of the sandbox, with its words, questions that it answers and one that it does not."""

    id: str
    turns: list[dict[str, Any]]
    questions: list[str]
    unanswerable: str

    def words(self, speaker: str) -> str:
        return " ".join(turn["text"] for turn in self.turns if turn["speaker"] == speaker)


@cache
def dialogue(name: str) -> Dialogue:
    listed = json.loads((SPEECH / "dialogues.json").read_text())["dialogues"]
    entry = next(each for each in listed if each["id"] == name)
    turns = json.loads((SPEECH / entry["turns_file"]).read_text())["turns"]
    return Dialogue(name, turns, [each["question"] for each in entry["questions"]], entry["unanswerable"][0])
