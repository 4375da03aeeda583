"""Where our own engine listens, it is told whose names to expect, and nothing is written down or shown without the proof that
the lead heard the notice and did not refuse.

Planted bugs that this catches: text that is stored while the notice has not been heard, or after a key was pressed in it; interim
text that is shown before anybody has asked whether it may be; a stream that goes on writing, or listening, after the rep turned its
text off or the lead pressed a key; a recogniser that is told no names.
"""

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async

from identity.auth import Actor
from sandbox import speech_library
from tests.voice.carrier import Placed
from tests.voice.ears import WORDS, Ears, ears
from tests.voice.media_doors import PicowsSocket, run
from tests.voice.test_media_socket import frame, start, streams, token_for, until
from tests.voice.transcriptionist import heard_by_pages, joined, text_of
from voice import media_session, operations, reconcile
from voice.models import Callback, Lead

pytestmark = pytest.mark.django_db(transaction=True)
# Where the lead says one sentence, which is over after two seconds.
SPEECH = Path(speech_library.__file__).parent / "speech" / "smoke.callee.ulaw"
FRAME_BYTES = 160
IN_MID_SENTENCE, LATER, BEHIND_IT = 80, 100, 180
PROOF_MS = 1_000


def spoken(number: int) -> dict[str, Any]:
    """The twenty milliseconds of the lead's voice that have this number."""
    sound = SPEECH.read_bytes()[number * FRAME_BYTES : (number + 1) * FRAME_BYTES]
    media = {"track": "outbound", "timestamp": str(number * 20), "payload": base64.b64encode(sound).decode()}
    return {"event": "media", "media": media}


async def hear_a_sentence(placed: Placed, settings: Any, *, in_between: Callable[[], object] | None = None) -> Ears:
    """The whole sentence is recognised, with text in between, whatever becomes of it. in_between: what happens in mid-sentence."""
    async with ears(settings) as heard:
        socket = PicowsSocket()
        await socket.open()
        await socket.say(start(placed, await sync_to_async(token_for)(placed)))
        await until(lambda: streams(placed) == ["connected"])
        # Whether text may be shown is asked twice a second.
        await asyncio.sleep(0.7)
        stretches = ((0, IN_MID_SENTENCE, "interim"), (IN_MID_SENTENCE, LATER, "interim"), (LATER, BEHIND_IT, "final"))
        for first, last, kind in stretches:
            await socket.say(*(each for number in range(first, last) for each in (spoken(number), frame(number))))
            await until(lambda kind=kind: heard.asked[kind] > 0)  # type: ignore[misc]
            # Whether it may be shown is asked of the database once.
            await asyncio.sleep(1.0 if kind == "interim" else 0.2)
            if in_between is not None and last == IN_MID_SENTENCE:
                await sync_to_async(in_between)()
                await asyncio.sleep(1.0)
        await socket.say({"event": "stop"})
        code = await socket.closed_with()
        await until(lambda: streams(placed) in (["finished"], ["lost"]))
        # A stream of a refused call is given up, within two seconds.
        if in_between is None:
            assert (code, await sync_to_async(streams)(placed)) == (media_session.CLOSE_DONE, ["finished"])
        return heard


@pytest.mark.parametrize("state", ["on", "waiting_for_notice"])
def test_what_was_heard_is_written_down_and_shown_with_the_proof_alone(
    placed: Placed, settings: Any, state: str
) -> None:
    if state == "on":
        joined(placed)
    assert placed.row.transcript_state == state
    events = heard_by_pages(placed, lambda: run(lambda: hear_a_sentence(placed, settings)))
    interims = {each["text"] for each in events if each["type"] == "segment.interim"}
    # What nobody heard, because the socket came late, is marked.
    written = [(speaker, text) for speaker, _, _, text in text_of(placed) if speaker]
    assert (interims, written) == (({WORDS}, [("callee", WORDS)]) if state == "on" else (set(), []))


def test_with_all_sound_the_recogniser_is_told_the_names_of_the_lead_and_of_the_workspace(
    placed: Placed, settings: Any
) -> None:
    """Planted bug that this catches: the names are read with the call, and not handed to those who listen to its tracks."""
    joined(placed)
    Lead.objects.get_queryset().update(last_name="Quartermain", company="Zephyr Freight")
    heard = run(lambda: hear_a_sentence(placed, settings))
    assert heard.asked["interim"] and heard.asked["final"]
    (names,) = (told.split(", ") for told in heard.told)
    assert {placed.row.lead.first_name, "Quartermain", "Zephyr Freight", placed.row.workspace.name} <= set(names)


def test_a_sentence_in_which_the_proof_came_is_neither_shown_nor_kept(placed: Placed, settings: Any) -> None:
    """The sentence begins half a second before it."""

    def prove() -> None:
        joined(placed)
        began_at = placed.row.media_started_at
        assert began_at is not None
        received_at = began_at + timedelta(milliseconds=PROOF_MS)
        Callback.objects.get_queryset().filter(kind="played").update(received_at=received_at)

    events = heard_by_pages(placed, lambda: run(lambda: hear_a_sentence(placed, settings, in_between=prove)))
    assert "segment.interim" not in {each["type"] for each in events}
    assert [(speaker, start_ms) for speaker, start_ms, _, _ in text_of(placed)] == [(None, PROOF_MS)]


def test_whom_the_lead_refused_listens_no_more_and_nobody_does_in_its_place(placed: Placed, settings: Any) -> None:
    async def story() -> None:
        async with ears(settings) as heard:
            socket = PicowsSocket()
            await socket.open()
            await socket.say(start(placed, await sync_to_async(token_for)(placed)))
            await until(lambda: streams(placed) == ["connected"])
            await sync_to_async(joined)(placed, key="1")
            for number in range(150):
                if await sync_to_async(streams)(placed) != ["connected"]:
                    break
                await socket.say(frame(number))
                await asyncio.sleep(0.05)
            assert await socket.closed_with() == media_session.CLOSE_GIVEN_UP
            await until(lambda: streams(placed) == ["lost"])
            another = PicowsSocket()
            await another.open()
            await another.say(start(placed, await sync_to_async(token_for)(placed)))
            assert await another.closed_with() == media_session.CLOSE_REFUSED
            assert not heard.asked

    run(story)
    reconcile.sweep_streams(now=datetime.now(UTC) + timedelta(minutes=1))
    assert streams(placed) == ["lost", "issued"], "nobody asks for another"


def test_text_ends_within_a_second_of_the_rep_turning_it_off(placed: Placed, settings: Any) -> None:
    joined(placed)

    def refuse() -> None:
        rep = Actor(user_id=placed.row.user_id, workspace_id=placed.row.workspace_id, role="owner")
        operations.refuse_text(actor=rep, call_id=UUID(placed.call_id), now=datetime.now(UTC))

    events = heard_by_pages(placed, lambda: run(lambda: hear_a_sentence(placed, settings, in_between=refuse)))
    kinds = [each["type"] for each in events]
    told = next(at for at, each in enumerate(events) if each.get("call", {}).get("transcript_state") == "refused")
    assert "segment.interim" in kinds[:told]
    assert not {"segment.interim", "segment.added"} & set(kinds[told:])
    assert not any(speaker for speaker, *_ in text_of(placed))
