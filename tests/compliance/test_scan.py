"""The scan that proves erasures finds a value in every form and in every kind of place, or its silence would prove nothing."""

import base64
import io
import json
import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from redis import Redis

from ai.listening.audio import decode_mulaw
from tests.leaving.sounds import sounds_of
from tests.opened import connection_info
from tests.smoke.needles import all_variants, variants
from tests.smoke.scan import Scan, kinds
from tests.smoke.speech import SPEECH

WORD = "Quibblewort Ä/+?"
NUMBER = "+12025550199"
VECTOR = tuple(number / 7 - 1 for number in range(1, 385))


@pytest.mark.parametrize(
    "content",
    [
        WORD.encode(),
        WORD.lower().encode(),
        quote(WORD).encode(),
        quote(WORD, safe="").encode(),
        json.dumps({"notes": WORD}).encode(),
        WORD.encode().hex().encode(),
        *(base64.b64encode(b"x" * before + WORD.encode() + b" and more") for before in range(3)),
        base64.urlsafe_b64encode(WORD.encode()),
    ],
    ids=["raw", "lower", "url", "url-all", "json", "hex", "base64-0", "base64-1", "base64-2", "base64-url"],
)
def test_a_word_is_found_in_every_form(content: bytes) -> None:
    assert any(form in b"before " + content + b" after" for form in variants(WORD))
    assert not any(form in b"before Quibble wort after" for form in variants(WORD))


@pytest.mark.parametrize("text", ["+12025550199", "12025550199", "2025550199", "(202) 555-0199", "+1 202-555-0199"])
def test_a_number_is_found_in_every_form(text: str) -> None:
    assert any(form in text.encode() for form in variants(NUMBER))


@pytest.mark.parametrize("kind", ["<f", "<e", ">f", ">e"])
def test_a_vector_is_found_by_its_bytes(kind: str) -> None:
    packed = struct.pack(f"{kind[0]}{len(VECTOR)}{kind[1]}", *VECTOR)
    assert any(form in b"\0" * 40 + packed for form in variants(VECTOR))


def recording(kind: str, frames: list[bytes]) -> bytes:
    """A call's frames as somebody would keep them."""
    if kind == "wav":
        kept = io.BytesIO()
        with wave.open(kept, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8_000)
            file.writeframes(decode_mulaw(b"".join(frames)))
        return kept.getvalue()
    messages = [{"event": "media", "media": {"payload": base64.b64encode(frame).decode()}} for frame in frames]
    written = {
        "frames": b"".join(frames),
        "messages": json.dumps(messages).encode(),
        "hex": "".join(frame.hex() for frame in frames).encode(),
        "log": repr(frames).encode(),
    }
    return written[kind]


@pytest.mark.parametrize("kind", ["frames", "wav", "messages", "hex", "log"])
@pytest.mark.parametrize("begins_at", [0, 1, 53, 107])
def test_the_sound_of_a_call_is_found_however_it_is_kept(kind: str, begins_at: int) -> None:
    for speaker in ("agent", "callee"):
        sound = (SPEECH / f"smoke.{speaker}.ulaw").read_bytes()[begins_at:]
        frames = [sound[at : at + 160] for at in range(0, len(sound), 160)]
        assert any(form in recording(kind, frames) for form in all_variants(sounds_of("smoke")))
    assert not any(form in recording(kind, [b"\xff" * 160]) for form in all_variants(sounds_of("smoke")))


@pytest.fixture
def planted() -> Iterator[None]:
    """Past the product, since it writes to some of these places never."""
    data, word = Path(settings.DATA_DIR), WORD.split()[0]
    file = data / "logs" / "planted.log"
    with psycopg.connect(connection_info(), autocommit=True) as database, Redis.from_url(settings.REDIS_URL) as valkey:
        database.execute("CREATE TABLE planted (word text, numbers vector)")
        database.execute(
            "INSERT INTO planted SELECT %s, %s::vector FROM generate_series(1, 9)", [word, str(list(VECTOR))]
        )
        database.execute("ANALYZE planted")
        database.execute(f"DO $$ BEGIN RAISE LOG '{word}'; END $$")
        database.execute("CHECKPOINT")
        file.write_text(word)
        # Long and alike, so that a dump of it would be compressed.
        valkey.rpush("planted", "x" * 500 + word)
        valkey.config_set("slowlog-log-slower-than", 0)
        valkey.set("planted-too", word)
        valkey.config_set("slowlog-log-slower-than", -1)
        yield
        valkey.delete("planted", "planted-too")
        valkey.slowlog_reset()
        database.execute("DROP TABLE planted")
    file.unlink()


@pytest.mark.policy("C6.2")
@pytest.mark.django_db(transaction=True)
def test_a_word_is_found_in_every_kind_of_place(planted: None) -> None:
    scan = Scan(database_url=connection_info(), redis_url=settings.REDIS_URL, folder=Path(settings.DATA_DIR))
    found = scan.everywhere([WORD.split()[0]])
    assert {"tables", "statistics", "valkey", "bytes", "wal", "log"} <= kinds(found)
    assert {"table planted", "valkey", "valkey log", "file logs/planted.log", "file logs/servers.log"} <= found.keys()
    vectors = scan.everywhere([VECTOR])
    assert {"tables", "bytes", "wal"} <= kinds(vectors)
