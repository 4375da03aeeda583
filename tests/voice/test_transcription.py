"""Twilio writes the call down: what it posts, in whatever order and number, and what somebody else posts.

Planted bugs that this catches: text that is placed in the order of its arrival, a final text whose words stand in the
callback's row as well, a beginning that lies before the settled text (a page would drop it), a transcription that was
superseded and writes on.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations

import pytest
from django.core import serializers
from django.db import OperationalError, connection
from pytest_django.fixtures import Settings

from identity.auth import Actor
from identity.models import Membership
from processors.models import Disclosure
from tests.identity.browser import Browser
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import Placed, give_credit, place, post, sid
from tests.voice.transcriptionist import (
    Transcriptionist,
    answered,
    going_on,
    heard_by_pages,
    joined,
    newest,
    now,
    text_of,
)
from voice import analysis, operations, reconcile
from voice.models import Call, Callback, MediaStream, TranscriptSegment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def engine(settings: Settings) -> None:
    settings.TRANSCRIPTION_ENGINE = "twilio"


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    member = make_account()
    give_credit(member, 1_000_000)
    return member


@pytest.fixture
def placed(member: Membership) -> Placed:
    return place(member, began_s_ago=5)


@pytest.fixture
def twilio(placed: Placed) -> Transcriptionist:
    return going_on(placed)


def everything(*models: type) -> str:
    rows = [row for model in models for row in model.objects.get_queryset().order_by("id")]  # type: ignore[attr-defined]
    return str(serializers.serialize("json", rows))


def test_the_reps_answer_starts_twilios_transcription_and_no_stream(placed: Placed) -> None:
    answer, twilio = answered(placed)
    assert "<Stream" not in answer.body and (placed.row.lead.phone_e164 or "-") in answer.body
    expected = (
        '<Start><Transcription enableAutomaticPunctuation="true" inboundTrackLabel="agent" languageCode="en-US" '
        f'name="{twilio.stream_id}" outboundTrackLabel="callee" partialResults="true" profanityFilter="false" '
        'statusCallbackMethod="POST" statusCallbackUrl="'
    )
    assert expected in answer.body
    assert f'{twilio.path}#rc=5&amp;rp=ct,rt,5xx" track="both_tracks" /></Start><Dial' in answer.body
    told = Disclosure.objects.filter(endpoint="transcription")
    assert [row.data_classes for row in told] == [["speech"], ["speech"]]
    assert len({row.person for row in told}) == 2, "the rep and the lead"


def test_the_text_is_the_same_whatever_order_it_comes_in(member: Membership) -> None:
    """Ten words between two texts of the same speaker that lie close: their estimated beginnings overlap."""
    seen = set()
    for turn, order in enumerate(permutations(range(4))):
        placed = place(member, began_s_ago=5)
        _, twilio = answered(placed)
        joined(placed)
        posts = [
            (twilio.path, twilio.content(2, 10.0, "inbound", "Good morning, this is Joe from Bright Path.")),
            (twilio.path, twilio.content(3, 11.0, "outbound", "Hello.")),
            (twilio.path, twilio.content(4, 11.5, "inbound", "One two three four five six seven eight nine ten.")),
            (twilio.path, twilio.content(5, 12.0, "inbound", "Are you there?")),
        ]
        arrival = [posts[at] for at in order]
        arrival.insert(turn % 5, (twilio.path, twilio.form("started", 1, 0.1, Track="both_tracks")))
        assert {post(*each).status for each in arrival} == {204}
        seen.add(tuple(text_of(placed)))
        Call.objects.get_queryset().filter(id=placed.call_id).update(status="completed", ended_at=now())
    (text,) = seen
    assert [line[3].split()[0] for line in text] == ["Good", "One", "Hello.", "Are"]
    assert [line[:3] for line in text] == [
        ("agent", 7_600, 10_000),
        ("agent", 10_000, 11_500),
        ("callee", 10_700, 11_000),
        ("agent", 11_500, 12_000),
    ]


def test_a_line_that_comes_late_moves_the_next_one_and_every_page_learns_of_both(
    twilio: Transcriptionist, sign_in: Callable[..., Browser], member: Membership
) -> None:
    twilio.says(3, 12.0, "inbound", "One two three four five six seven eight nine ten.")
    seen = heard_by_pages(twilio.placed, lambda: twilio.says(2, 11.0, "inbound", "Good morning."))
    assert [event["type"] for event in seen] == ["segment.changed", "segment.added"]
    assert seen[0]["segment"]["start_ms"] == seen[1]["segment"]["end_ms"]
    page = sign_in(member).get(f"/api/calls/{twilio.placed.call_id}/segments")[1]
    assert [one["sequence"] for one in page["items"]] == [event["sequence"] for event in seen]
    assert page["latest_sequence"] == seen[1]["sequence"]
    line = page["items"][1]
    assert (line["speaker"], line["text"], line["confidence"]) == ("agent", "Good morning.", 0.93)
    assert (line["words"], line["kind"]) == ([], "speech")


def test_what_comes_twice_changes_nothing(twilio: Transcriptionist) -> None:
    posts = [
        twilio.form("started", 1, 0.1),
        twilio.content(2, 10.0, "inbound", "Good morning."),
        twilio.content(3, 11.0, "outbound", "Hello."),
        twilio.form("stopped", 4, 12.0),
    ]
    for form in posts:
        assert post(twilio.path, form).status == 204
    kept = everything(Call, Callback, MediaStream, TranscriptSegment)
    for form in [*posts, *reversed(posts)]:
        assert post(twilio.path, form).status == 204
    assert everything(Call, Callback, MediaStream, TranscriptSegment) == kept


def test_interim_text_is_shown_behind_the_settled_text_and_kept_nowhere(twilio: Transcriptionist) -> None:
    twilio.says(2, 10.0, "inbound", "Good morning.")
    long = "Hold the pineapple please and call me back one two three four five"
    partial = twilio.content(3, 11.0, "inbound", long, final=False)
    old = twilio.content(1, 9.5, "inbound", "Good", final=False)

    def act() -> None:
        for form in (partial, old):
            assert post(twilio.path, form).status == 204

    (event,) = heard_by_pages(twilio.placed, act)
    assert (event["type"], event["speaker"], event["text"]) == ("segment.interim", "agent", long)
    settled = text_of(twilio.placed)[-1]
    assert event["start_ms"] >= settled[2] and event["end_ms"] > event["start_ms"]
    assert "pineapple" not in everything(Call, Callback, MediaStream, TranscriptSegment)
    (shown,) = heard_by_pages(twilio.placed, lambda: twilio.says(4, 12.0, "inbound", long))
    assert shown["segment"]["end_ms"] > event["start_ms"], "it takes the interim text's place on the page"


def test_without_the_proof_of_the_notice_nothing_is_shown_or_kept(placed: Placed) -> None:
    _, twilio = answered(placed)
    early = twilio.content(2, 1.0, "inbound", "I wonder whether pineapple picks up.")
    partial = twilio.content(1, 0.5, "inbound", "I wonder", final=False)
    assert heard_by_pages(placed, lambda: (post(twilio.path, partial), post(twilio.path, early))) == []
    joined(placed)
    # The same again, when it would be allowed: it was said before.
    assert post(twilio.path, early).status == 204
    assert text_of(placed) == []
    assert "pineapple" not in everything(Call, Callback, MediaStream, TranscriptSegment)
    twilio.says(3, 20.0, "outbound", "Speaking.")
    assert [line[3] for line in text_of(placed)] == ["Speaking."]


def test_words_are_kept_in_the_transcript_alone_and_cards_nowhere(twilio: Transcriptionist) -> None:
    twilio.says(2, 10.0, "outbound", "My pineapple card is 4111 1111 1111 1111.")
    (line,) = text_of(twilio.placed)
    assert "pineapple" in line[3] and "4111" not in line[3]
    assert "pineapple" not in everything(Call, Callback, MediaStream)
    assert "4111" not in everything(TranscriptSegment)


def test_a_key_that_the_lead_presses_ends_the_transcription_before_they_are_joined(
    placed: Placed, sandbox: Sandbox
) -> None:
    _, twilio = answered(placed)
    twilio.tells("started", 1, 0.1)
    sandbox.fail("twilio.rest", "error", value=500)
    joined(placed, key="1")
    assert (placed.row.transcript_state, twilio.row.state) == ("refused", "connected")
    stopped = "twilio POST /2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Transcriptions/{Sid}.json"
    assert sandbox.received()["services"][stopped]["requests"] == 1
    # It was not confirmed, so it is asked for until it is. The sandbox knows no such transcription: there is none then.
    reconcile.sweep_refusals(now=now())
    reconcile.sweep_refusals(now=now())
    assert sandbox.received()["services"][stopped]["requests"] == 2
    assert twilio.row.state == "lost"
    assert twilio.says(2, 9.0, "outbound", "No pineapple.").status == 204
    assert text_of(placed) == []
    # Nobody listens again.
    reconcile.sweep_streams(now=now() + timedelta(seconds=60))
    assert MediaStream.objects.get_queryset().count() == 1


def test_what_the_rep_turns_off_twilio_hears_no_more(twilio: Transcriptionist, sandbox: Sandbox) -> None:
    call = twilio.placed.row
    twilio.says(2, 9.0, "outbound", "Speaking.")
    rep = Actor(user_id=call.user_id, workspace_id=call.workspace_id, role="owner")
    operations.refuse_text(actor=rep, call_id=call.id, now=now())
    reconcile.sweep_refusals(now=now())
    stopped = "twilio POST /2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Transcriptions/{Sid}.json"
    assert sandbox.received()["services"][stopped]["requests"] == 1
    twilio.says(3, 12.0, "outbound", "No pineapple.")
    assert [line[3] for line in text_of(twilio.placed)] == ["Speaking."]


@pytest.mark.parametrize("stops", [True, False])
def test_a_transcription_that_never_said_that_it_stopped_leaves_a_gap(twilio: Transcriptionist, stops: bool) -> None:
    twilio.says(2, 10.0, "inbound", "Good morning.")
    if stops:
        twilio.tells("stopped", 3, 25.0)
    ended_at = twilio.began_at + timedelta(seconds=25)
    Call.objects.get_queryset().filter(id=twilio.placed.call_id).update(status="completed", ended_at=ended_at)
    assert analysis.analyse(call_id=twilio.placed.row.id, now=ended_at + timedelta(seconds=2)) is stops
    assert analysis.analyse(call_id=twilio.placed.row.id, now=ended_at + timedelta(seconds=21)) is not stops
    gaps = [(end - start) for speaker, start, end, _ in text_of(twilio.placed) if speaker is None]
    assert gaps == ([] if stops else [15_000])


def test_a_transcription_that_failed_is_started_again_and_what_lies_between_is_a_gap(
    twilio: Transcriptionist, sandbox: Sandbox
) -> None:
    twilio.says(2, 10.0, "inbound", "Good morning.")
    assert twilio.tells("error", 3, 12.0).status == 204
    assert twilio.row.state == "lost"
    # What Twilio had understood before is still taken.
    twilio.says(4, 11.0, "outbound", "Hello.")
    at = twilio.began_at + timedelta(seconds=15)
    # Lost on the way: the sandbox knows no such call, which would be told as its end.
    sandbox.fail("twilio.rest", "error", value=500)
    reconcile.restart_stream(call_id=twilio.placed.row.id, now=at)
    begun = "twilio POST /2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Transcriptions.json"
    assert sandbox.received()["services"][begun]["requests"] == 1
    assert sandbox.ask("GET", "/defects") == []
    second = newest(twilio.placed)
    assert second.stream_id != twilio.stream_id
    second.says(2, 5.0, "inbound", "Where were we?")
    rows = [(speaker, end) for speaker, _, end, _ in text_of(twilio.placed)]
    assert rows == [("agent", 10_000), ("callee", 11_000), (None, 15_000), ("agent", 20_000)]


def test_a_transcription_that_never_begins_is_asked_for_again_and_its_place_is_taken(
    placed: Placed, sandbox: Sandbox
) -> None:
    _, first = answered(placed)
    joined(placed)
    reconcile.sweep_streams(now=first.began_at + timedelta(seconds=9))
    assert newest(placed).stream_id == first.stream_id
    sandbox.fail("twilio.rest", "error", value=500)
    reconcile.sweep_streams(now=first.began_at + timedelta(seconds=11))
    second = newest(placed)
    assert (first.row.state, second.row.state) == ("lost", "issued")
    second.says(2, 1.0, "inbound", "Hello?")
    # Twilio had only been slow: two of them must not both write.
    for number, event in ((1, "started"), (9, "stopped")):
        assert first.tells(event, number, 12.0).status == 204
    assert first.says(2, 12.0, "inbound", "Hello, pineapple?").status == 204
    assert [line[3] for line in text_of(placed) if line[0]] == ["Hello?"]
    assert first.row.state == "lost"


def test_a_quiet_transcription_is_not_taken_for_dead(twilio: Transcriptionist) -> None:
    twilio.tells("started", 1, 0.1)
    reconcile.sweep_streams(now=now() + timedelta(minutes=5))
    assert twilio.row.state == "connected"
    assert MediaStream.objects.get_queryset().count() == 1


def test_while_the_database_is_away_the_carrier_is_asked_to_send_again(twilio: Transcriptionist) -> None:
    form = twilio.content(2, 10.0, "inbound", "Good morning.")

    def away(*_: object) -> None:
        raise OperationalError("the connection is lost")

    with connection.execute_wrapper(away):
        answer = post(twilio.path, form)
    assert (answer.status, answer.code) == (503, "database_unavailable")
    assert text_of(twilio.placed) == []
    assert post(twilio.path, form).status == 204
    assert [line[3] for line in text_of(twilio.placed)] == ["Good morning."]


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"TranscriptionEvent": ""}, "transcription_event_missing"),
        ({"TranscriptionSid": ""}, "transcription_sid_invalid"),
        ({"TranscriptionSid": "CA" + "0" * 32}, "transcription_sid_invalid"),
        ({"SequenceId": ""}, "transcription_sequence_invalid"),
        ({"SequenceId": "-1"}, "transcription_sequence_invalid"),
        ({"SequenceId": "9" * 30}, "transcription_sequence_invalid"),
        ({"SequenceId": "\u0663"}, "transcription_sequence_invalid"),
        ({"Track": ""}, "transcription_track_unknown"),
        ({"Track": "both_tracks"}, "transcription_track_unknown"),
        ({"Final": "perhaps"}, "transcription_final_invalid"),
        ({"TranscriptionData": ""}, "transcription_data_invalid"),
        ({"TranscriptionData": "no JSON"}, "transcription_data_invalid"),
        ({"TranscriptionData": "[]"}, "transcription_data_invalid"),
        ({"TranscriptionData": "null"}, "transcription_data_invalid"),
        ({"TranscriptionData": '{"transcript": 7}'}, "transcription_data_invalid"),
        ({"TranscriptionData": '{"transcript": "a\\u0000b"}'}, "transcription_data_invalid"),
        ({"TranscriptionData": '{"transcript": "\\ud800"}'}, "transcription_data_invalid"),
        ({"TranscriptionData": '{"transcript": "' + "x" * 10_001 + '"}'}, "transcription_data_invalid"),
        ({"TranscriptionData": DEEP}, "transcription_data_invalid"),
    ],
)
def test_what_is_signed_but_malformed_is_refused_with_a_code_and_changes_nothing(
    twilio: Transcriptionist, changes: dict[str, str], code: str
) -> None:
    before = everything(Call, Callback, MediaStream, TranscriptSegment)
    answer = post(twilio.path, twilio.content(2, 10.0, "inbound", "Good morning.") | changes)
    assert (answer.status, answer.code) == (400, code)
    assert everything(Call, Callback, MediaStream, TranscriptSegment) == before


def test_what_belongs_to_no_transcription_of_this_call_is_refused(
    twilio: Transcriptionist, make_account: Callable[..., Membership]
) -> None:
    other = make_account(email="other@example.com", mobile="+1 202 555 0111")
    give_credit(other, 100_000)
    elsewhere = place(other)
    _, theirs = answered(elsewhere)
    form = twilio.content(2, 10.0, "inbound", "Good morning.")
    before = everything(Call, Callback, MediaStream, TranscriptSegment)
    crossed = post(twilio.placed.path(f"transcription/{theirs.stream_id}"), form)
    foreign = post(twilio.path, form | {"CallSid": elsewhere.agent_sid})
    callee = post(twilio.path, form | {"CallSid": twilio.placed.callee_sid})
    assert (crossed.status, crossed.code) == (404, "transcription_unknown")
    assert {(answer.status, answer.code) for answer in (foreign, callee)} == {(404, "leg_unknown")}
    assert everything(Call, Callback, MediaStream, TranscriptSegment) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"Timestamp": "yesterday"},
        {"Timestamp": "9999-12-31T23:59:59Z"},
        {"Timestamp": "1970-01-01T00:00:00Z"},
        {"TranscriptionData": '{"transcript": "Good morning.", "confidence": "high"}'},
        {"TranscriptionData": '{"transcript": "Good morning.", "confidence": NaN}'},
        {"TranscriptionData": '{"transcript": "Good morning.", "confidence": 1e400}'},
        {"LanguageCode": "x" * 5_000, "Whatever": "comes"},
        {"ListenedBy": "somebody else", "StreamSid": sid("MZ")},
    ],
)
def test_strange_values_beside_the_text_lose_no_word(twilio: Transcriptionist, changes: dict[str, str]) -> None:
    # Where a time is none, that of the arrival counts, which is not to lie at the notice.
    Callback.objects.get_queryset().filter(kind="played").update(received_at=twilio.began_at)
    assert post(twilio.path, twilio.content(2, 10.0, "inbound", "Good morning.") | changes).status == 204
    (line,) = text_of(twilio.placed)
    assert (line[0], line[3]) == ("agent", "Good morning.")
    assert line[1] < line[2]


def test_an_event_of_a_kind_that_we_do_not_know_is_passed_over(twilio: Transcriptionist) -> None:
    before = everything(Call, Callback, MediaStream)
    assert twilio.tells("paused", 2, 3.0).status == 204
    assert everything(Call, Callback, MediaStream) == before
