"""What is spoken in the story's calls, and what stands for its sound: pieces of it, as the carrier sends it and as samples of 16 bits.

A recording in any file format that does not compress holds one of the two; the scan looks for each in hexadecimal digits and base64 too.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from ai.listening.audio import decode_mulaw
from tests.smoke.speech import SPEECH, dialogue

# "My card number is four five three nine, five seven eight seven, six three six two, one four eight six", by the voice that
# sandbox/speech/make_dialogues.py has for leads.
CARD = Path(__file__).parent / "card.ulaw"
CARD_DIALOGUE = "smoke"
SILENCE = b"\xff"
# Frames of 160 end within few of so short pieces, so whoever writes down each frame by itself has most of them whole.
PIECE_SAMPLES = 16
STEP_SAMPLES = 40
PIECES = 6
# Of a piece of loud speech so many samples differ, so that it stands nowhere else by chance.
DIFFERENT_MIN = 10
SAMPLES_PER_MS = 8
# Bytes at which a file is cut into lines, which the scan's fast search cannot look across.
ENDS = frozenset(b"\n\r\0")


def with_card(folder: Path) -> Path:
    """The sandbox's dialogues in a folder of their own, where the lead of one reads a card number out at its end."""
    speech = Path(shutil.copytree(SPEECH, folder, ignore=shutil.ignore_patterns("*.py")))
    card = CARD.read_bytes()
    for speaker, said in (("callee", card), ("agent", SILENCE * len(card))):
        with (speech / f"{CARD_DIALOGUE}.{speaker}.ulaw").open("ab") as track:
            track.write(said)
    return speech


def sounds_of(name: str) -> list[bytes]:
    """Of a dialogue of the sandbox: of the first turn of each speaker, which everybody has heard who has heard anything later."""
    tracks = next(
        each["tracks"]
        for each in json.loads((SPEECH / "dialogues.json").read_text())["dialogues"]
        if each["id"] == name
    )
    found = []
    for speaker, file in tracks.items():
        turn = next(each for each in dialogue(name).turns if each["speaker"] == speaker)
        spoken = (SPEECH / file).read_bytes()[turn["start_ms"] * SAMPLES_PER_MS : turn["end_ms"] * SAMPLES_PER_MS]
        pieces = list(_pieces(spoken))
        assert len(pieces) >= PIECES, f"{name}: too little of {speaker} is loud enough to be told from anything else"
        chosen = pieces[:: len(pieces) // PIECES][:PIECES]
        found += [form for piece in chosen for form in (piece, decode_mulaw(piece))]
    return found


def _pieces(spoken: bytes) -> Iterator[bytes]:
    for at in range(0, len(spoken) - PIECE_SAMPLES, STEP_SAMPLES):
        piece = spoken[at : at + PIECE_SAMPLES]
        if len(set(piece)) >= DIFFERENT_MIN and not ENDS & {*piece, *decode_mulaw(piece)}:
            yield piece
