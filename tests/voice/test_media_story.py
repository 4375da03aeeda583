"""Calls at the carrier whose media streams fail in each way that they can, side by side, to our own media server and engine.

Planted bugs that this catches: a stream that was lost and is not asked for anew, a stretch that nobody heard without its mark, two
sockets of one call that both write, a word of a lead who refused.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from identity.models import Membership, User
from tests.identity.test_sockets import elsewhere
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import give_credit
from tests.voice.ears import WORDS, ears
from tests.voice.media_doors import PicowsSocket, run
from tests.voice.test_callbacks import rebuilt_otherwise
from tests.voice.test_outage import dialled, fresh, until
from voice import operations, reconcile
from voice.models import Call, MediaStream, TranscriptSegment
from voice.transcripts import GAP_LEAST_MS

pytestmark = pytest.mark.django_db(transaction=True)
# In mid-sentence of the rep.
LOST_AT_MS = 2_000
WITHIN_S = 40
# What befalls the stream, and how those of the call end, from the first to the newest.
FAULTS: dict[str, tuple[int, list[str]]] = {
    "none": (0, ["finished"]),
    "delay": (800, ["finished"]),
    "reorder": (40, ["finished"]),
    "drop": (30, ["finished"]),
    "error": (31_920, ["lost", "finished"]),
    # The mute first socket has the token, so the one that brings the sound is turned away, and the stream is asked for anew.
    "duplicate": (0, ["lost", "finished"]),
    "lost_socket": (LOST_AT_MS, ["lost", "finished"]),
}
REFUSES = "refuses"


@pytest.fixture
def team(make_account: Callable[..., Membership], settings: Any) -> list[Membership]:
    """A rep for each call."""
    owner, now = make_account(), datetime.now(UTC)
    give_credit(owner, 1_000_000)
    users = User.objects.bulk_create(
        User(email=f"{name}@example.com", first_name=name, mobile_e164=f"+1312555013{number}", created_at=now)
        for number, name in enumerate([*FAULTS, REFUSES])
    )
    return Membership.objects.bulk_create(
        Membership(workspace_id=owner.workspace_id, user=user, role="rep", created_at=now) for user in users
    )


def begun(sandbox: Sandbox, rep: Membership, number: int) -> Call:
    """The rep picks up when the fault is there; the lead answers, and talks."""
    name, lead = rep.user.first_name, f"+1312555017{number}"
    behaviour = "press" if name == REFUSES else "answer"
    sandbox.ask("POST", f"/phones/{lead}", {"behaviour": behaviour, "dialogue": "do_not_call"})
    sandbox.ask("POST", f"/phones/{rep.user.mobile_e164}", {"behaviour": "manual"})
    call = dialled(rep, lead)
    sid = call.legs.get().sid
    if name in FAULTS and name != "none":
        sandbox.fail("twilio.stream", name, FAULTS[name][0], CallSid=sid)
    until(lambda: sandbox.ask("GET", f"/calls/{sid}")["status"] == "ringing")
    sandbox.ask("POST", f"/calls/{sid}/answer")
    return call


def lines(call: Call, kind: str) -> list[TranscriptSegment]:
    return list(TranscriptSegment.objects.get_queryset().filter(call=call, kind=kind).order_by("start_ms"))


def is_heard(call: Call, name: str) -> bool:
    """Whether text is there of what was said, of a lost stream behind what it missed."""
    gaps, speech = lines(call, "gap"), lines(call, "speech")
    behind_ms = max(LOST_AT_MS if name == "lost_socket" else 0, gaps[-1].end_ms if gaps else 0)
    return any(each.start_ms >= behind_ms for each in speech)


def tell(sandbox: Sandbox, team: Sequence[Membership]) -> dict[str, Call]:
    """All calls, until each has been heard and has ended."""
    calls = {rep.user.first_name: begun(sandbox, rep, number) for number, rep in enumerate(team)}
    limit = time.monotonic() + WITHIN_S
    while deaf := [name for name in FAULTS if not is_heard(calls[name], name)]:
        assert time.monotonic() < limit, f"nothing is heard of {deaf}"
        reconcile.sweep_streams(now=datetime.now(UTC))
        time.sleep(0.3)
    operations.end_all(Call.objects.get_queryset(), why="lead_stopped_calls", now=datetime.now(UTC))
    for call in calls.values():
        reconcile.hang_up(call_id=call.id, now=datetime.now(UTC))
    until(lambda: not any(fresh(call).is_live for call in calls.values()))
    until(lambda: not MediaStream.objects.get_queryset().exclude(state__in=("finished", "lost")).exists())
    return {name: fresh(call) for name, call in calls.items()}


def states(call: Call) -> list[str]:
    return list(call.streams.order_by("issued_at").values_list("state", flat=True))


def test_whatever_befalls_a_media_stream_the_newest_one_writes_what_can_be_heard_and_what_cannot_is_marked(
    team: list[Membership], sandbox: Sandbox, live_server: LiveServer, settings: Any
) -> None:
    settings.PUBLIC_URL = live_server.url

    async def story() -> dict[str, Call]:
        async with ears(settings) as heard:
            settings.MEDIA_SOCKET_URL = f"ws://localhost:{await PicowsSocket.port()}"
            calls = await elsewhere(lambda: tell(sandbox, team))
            assert heard.asked["final"] > len(FAULTS)
            return calls

    calls = run(story)
    assert {name: states(calls[name]) for name in FAULTS} == {name: ends for name, (_, ends) in FAULTS.items()}
    for name in FAULTS:
        assert calls[name].transcript_state == "on"
        speech = lines(calls[name], "speech")
        assert {line.text for line in speech} == {WORDS}
        for speaker in ("agent", "callee"):
            own = [line for line in speech if line.speaker == speaker]
            assert all(before.end_ms <= after.start_ms for before, after in pairwise(own)), f"{name}: written twice"
    assert [name for name in ("none", "reorder") if lines(calls[name], "gap")] == []
    # A socket that is there again within a moment has missed too little to be marked.
    lost, newest = calls["lost_socket"].streams.order_by("issued_at")
    began_at = calls["lost_socket"].media_started_at
    assert began_at is not None and newest.connected_at is not None
    missed_ms = (newest.connected_at - began_at) / timedelta(milliseconds=1) - lost.settled_ms
    assert bool(lines(calls["lost_socket"], "gap")) == (missed_ms >= GAP_LEAST_MS)
    refused = calls[REFUSES]
    assert (refused.transcript_state, states(refused)) == ("refused", ["lost"]), "nobody listens on, nor anew"
    assert not refused.segments.exists()
    assert rebuilt_otherwise() == []
