"""The compiled reader of the media sockets: it takes plain sound out of the frames, and never says otherwise than the parser.

Planted bugs that this catches: a payload whose last four base64 digits are decoded as if there were no padding, a number with a leading zero
that is taken for plain, the start of a frame that is thrown away at the end of a read, what comes after a message that is not plain taken as
sound before it, an ear's failure that costs the others theirs, and one that its socket is not told of, sound that overtakes what was read before it,
a bound of what waits that is no bound, or that is more than can be handed over.
"""

import fcntl
import json
import os
import socket
import struct
import sys
import termios
import time
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import voice.reception
from tests.voice.lines import BINARY, FRAME_MS, LONG_S, PING, TEXT, Line, bench, framed, media, messages_of
from voice.media_messages import Media, MessageInvalid, parse
from voice.reception import NEWS, READERS, SELECTED, Reception, ReceptionMissing

SOON_S = 5.0
FLOOD_BYTES = 2 << 20
# As they are sent: 256 kB of other messages or of sound, which is twice as long on its way; what is read at once, and what is just being given.
WAITING_BYTES_MAX = 1 << 20


def said_by_the_parser(messages: Sequence[bytes]) -> dict[str, list[tuple[int, bytes]]]:
    nowhere = socket.socket()
    line = Line(nowhere, nowhere)
    for message in messages:
        try:
            said = parse(message)
        except MessageInvalid:
            continue
        if isinstance(said, Media) and said.media.track in ("inbound", "outbound"):
            line.came.append((said.media.track, said.media.timestamp, said.media.payload, 1))
    nowhere.close()
    return line.heard


PLAIN = st.builds(
    media,
    st.integers(0, 10**9 - 1).map(str),
    st.sampled_from(["inbound", "outbound"]),
    st.binary(min_size=1, max_size=300),
    st.text("MZ09az", max_size=40),
)
# One byte of a plain one is another, is gone, or is there twice; or it is written otherwise.
NEARLY = st.one_of(
    st.builds(
        lambda text, at, byte: text[: at % len(text)] + byte + text[at % len(text) + 1 :],
        PLAIN,
        st.integers(0),
        st.binary(max_size=2),
    ),
    st.builds(media, st.sampled_from(["00", "040", "-1", "1.5", "", "4 0", 40, 10**9, "9" * 10, None, "0x10"])),
    st.builds(media, st.just("40"), st.sampled_from(["inbound ", "INBOUND", "both", "", "inbound\\u0000"])),
    PLAIN.map(lambda text: json.dumps(json.loads(text)).encode()),
    PLAIN.map(lambda text: json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")).encode()),
    PLAIN.map(lambda text: text + b" "),
    PLAIN.map(lambda text: text.replace(b'"payload":"', b'"payload":"=')),
    PLAIN.map(lambda text: text.replace(b"=", b"")),
    PLAIN.map(lambda text: text.replace(b"A", b"-")),
)
OTHER = st.sampled_from(
    [
        b'{"event":"mark","mark":{"name":"a"}}',
        b'{"event":"dtmf","dtmf":{"track":"inbound_track","digit":"1"}}',
        b'{"event":"stop","stop":{}}',
        b"",
        b"[" * 200,
        b"\xff\x00",
    ]
)


@given(st.lists(st.one_of(PLAIN, PLAIN, NEARLY, OTHER), max_size=12), st.lists(st.integers(1, 700), max_size=12))
def test_every_message_comes_once_in_order_as_the_parser_understands_it(messages: list[bytes], cuts: list[int]) -> None:
    sent = b"".join(framed(message) for message in messages)
    with bench() as made:
        line = made.lines[0]
        for cut in (*cuts, len(sent)):
            if piece := sent[:cut]:
                line.far.sendall(piece)
                sent = sent[cut:]
                made.bring(until=2)
        assert not sent and not line.let_go and not made.failed
        # In their order: what was taken out of the frames, and what the parser makes of the rest.
        order: list[bytes] = []
        whole = Line(line.near, line.far)
        for each in line.came:
            if isinstance(each, bytes):
                order += messages_of(each)
                for track, found in said_by_the_parser(messages_of(each)).items():
                    whole.came += [(track, start_ms, sound, 1) for start_ms, sound in found]
            else:
                whole.came.append(each)
        assert whole.heard == said_by_the_parser(messages)
        # Whatever was handed on is what was sent, and no plain one is lost.
        left = iter(messages)
        assert all(each in left for each in order)


@given(PLAIN, st.binary(min_size=4, max_size=4))
def test_plain_sound_is_taken_whatever_the_mask_and_the_length(message: bytes, mask: bytes) -> None:
    with bench() as made:
        made.lines[0].far.sendall(framed(message, mask=mask))
        made.bring()
        assert made.lines[0].heard == said_by_the_parser([message]) and not made.lines[0].others


@given(st.lists(st.one_of(st.binary(max_size=400), PLAIN.map(framed), OTHER.map(framed)), max_size=12))
def test_of_whatever_bytes_none_is_lost_or_doubled(pieces: list[bytes]) -> None:
    """Until the socket is let go; then its own reader goes on where this one stopped."""
    sent = b"".join(pieces)
    with bench(hears=False) as made:
        line = made.lines[0]
        if sent:
            line.far.sendall(sent)
        line.far.shutdown(socket.SHUT_WR)
        made.bring(until=3)
        rest = b""
        while piece := line.near.recv(100_000):
            rest += piece
        assert line.let_go and line.others + rest == sent


def test_nothing_is_taken_for_sound_before_somebody_hears_it() -> None:
    with bench(hears=False) as made:
        made.lines[0].far.sendall(framed(media()))
        made.bring()
        assert made.lines[0].came == [framed(media())]


def test_frames_that_follow_one_another_come_as_one_and_a_hole_parts_them() -> None:
    times = [0, 20, 40, 80, 100]
    with bench() as made:
        line = made.lines[0]
        for at_ms in times:
            line.far.sendall(framed(media(str(at_ms))) + framed(media(str(at_ms), "outbound")))
        made.bring(until=2)
        parts = [each[:2] + each[3:] for each in line.came if not isinstance(each, bytes) and each[0] == "inbound"]
        assert parts == [("inbound", 0, 3), ("inbound", 80, 2)]
        assert line.heard["outbound"] == line.heard["inbound"]
        assert made.reception.heard(line.number) and not made.reception.heard(line.number)


def test_sound_waits_to_be_asked_for_and_everything_else_does_not() -> None:
    with bench(hold_s=LONG_S) as made:
        line = made.lines[0]
        line.far.sendall(framed(media("0")))
        assert made.reception.wait(made.nothing, 0.05) == 0 and not line.came
        line.far.sendall(framed(b'{"event":"stop"}'))
        assert made.reception.wait(made.nothing, SOON_S) == NEWS
        made.bring()
        assert isinstance(line.came[0], tuple) and line.came[1:] == [framed(b'{"event":"stop"}')]


def test_sound_that_nobody_asks_for_is_brought_after_a_while() -> None:
    with bench(hold_s=0.05) as made:
        made.lines[0].far.sendall(framed(media()))
        began_s = time.monotonic()
        assert made.reception.wait(made.nothing, SOON_S) == NEWS
        assert time.monotonic() - began_s >= 0.05


def test_so_much_sound_that_it_must_not_wait_does_not() -> None:
    with bench() as made:
        for number in range(40):
            made.lines[0].far.sendall(framed(media(str(number * FRAME_MS))))
        assert made.reception.wait(made.nothing, SOON_S) == NEWS


def test_what_else_is_waited_for_ends_the_waiting_and_so_does_the_time() -> None:
    with bench(gather_s=LONG_S) as made:
        assert made.reception.wait(made.nothing, 0.01) == 0
        os.eventfd_write(made.nothing, 1)
        assert made.reception.wait(made.nothing, SOON_S) == SELECTED


def test_a_socket_that_nobody_gave_away_is_left_to_its_reader() -> None:
    with bench() as made:
        line = made.lines[0]
        made.reception.drop(line.number)
        line.far.sendall(framed(media()))
        assert made.reception.wait(made.nothing, SOON_S) == READERS
        assert made.reception.readers() == [line.number]
        assert line.near.recv(10_000) == framed(media())


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param(b"\x81\x05hello", id="without a mask"),
        pytest.param(bytes([TEXT, 0xFF]) + struct.pack(">Q", 70_000) + b"mask", id="longer than any sound"),
        pytest.param(framed(b"{", 0x01), id="a piece"),
        pytest.param(bytes([TEXT, 0xFE, 0, 1]) + b"mask{", id="a length that is longer than it must be"),
        pytest.param(framed(b"x", BINARY), id="binary"),
        pytest.param(framed(b"x", 0xC1), id="a reserved bit"),
    ],
)
def test_a_frame_that_is_not_plain_is_left_to_the_server_with_all_that_follows(strange: bytes) -> None:
    with bench() as made:
        line = made.lines[0]
        line.far.sendall(framed(media("0")) + strange + framed(media("20")))
        made.bring()
        assert line.let_go and line.heard["inbound"] == said_by_the_parser([media("0")])["inbound"]
        assert line.others == strange + framed(media("20"))


def test_a_ping_between_sounds_is_handed_on_and_reading_goes_on() -> None:
    with bench() as made:
        line = made.lines[0]
        for piece in (framed(media("0")) + framed(b"are you there", PING)[:3], framed(b"are you there", PING)[3:]):
            line.far.sendall(piece)
            made.bring()
        line.far.sendall(framed(media("20")))
        made.bring()
        assert line.others == framed(b"are you there", PING) and not line.let_go
        assert line.heard == said_by_the_parser([media("0"), media("20")])


def test_a_socket_that_ends_is_let_go_after_its_last_sound() -> None:
    with bench() as made:
        line = made.lines[0]
        line.far.sendall(framed(media("0")) + framed(media("20"))[:50])
        line.far.close()
        made.bring(until=2)
        assert line.let_go and line.others == framed(media("20"))[:50]
        assert line.heard == said_by_the_parser([media("0")])


def test_an_ear_that_raises_costs_nobody_else_a_word() -> None:
    with bench(4) as made:
        made.lines[1].fails = made.lines[2].fails = True
        for line in made.lines:
            line.far.sendall(framed(media("0")) + framed(media("0", "outbound")) + framed(b'{"event":"mark"}'))
        made.bring(until=2)
        assert [type(error) for error in made.failed] == [ValueError] * 4
        assert [line.is_broken for line in made.lines] == [False, True, True, False]
        expected = said_by_the_parser([media("0"), media("0", "outbound")])
        assert [line.heard for line in made.lines if not line.fails] == [expected] * 2
        assert [line.others for line in made.lines] == [framed(b'{"event":"mark"}')] * 4


def test_an_ear_may_drop_its_own_socket_and_others() -> None:
    with bench(6) as made:
        first = made.lines[0]
        heard: list[int] = []

        def drop_all_but_the_last(_sound: bytes, _at_ms: int, _frames: int) -> None:
            heard.append(0)
            for line in made.lines[:-1]:
                made.reception.drop(line.number)
            made.reception.take(first.number, first)

        for line in made.lines[:-1]:
            made.reception.hear(line.number, (drop_all_but_the_last, drop_all_but_the_last))
        for line in made.lines:
            line.far.sendall(framed(media("0")) + framed(media("60")) + framed(media("0", "outbound")))
        made.bring(until=2)
        assert heard == [0] and made.lines[-1].heard == said_by_the_parser(
            [media("0"), media("60"), media("0", "outbound")]
        )


def test_a_reader_that_was_not_compiled_is_told_of_with_what_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice.reception, "COMPILED", "/nowhere/reception.so")
    with pytest.raises(ReceptionMissing, match="make setup"):
        Reception(0, gather_s=0, hold_s=0)


def test_what_is_read_while_others_get_their_sound_keeps_its_place() -> None:
    """An ear that takes long has the sockets looked at in between."""
    mark = framed(b'{"event":"mark"}')
    with bench(3, gather_s=0.02) as made:
        *slow, line = made.lines
        turns = iter([framed(media("0")) + mark + framed(media("20")), framed(media("40"))])

        def take_long(_sound: bytes, _at_ms: int, _frames: int) -> None:
            line.far.sendall(next(turns))
            # Longer than it is from one look to the next; where a look was late, all is read at once, to the same end.
            time.sleep(0.03)

        for each in slow:
            made.reception.hear(each.number, (take_long, take_long))
            each.far.sendall(framed(media()))
        made.bring(until=4)
        assert [each if isinstance(each, bytes) else each[1:2] for each in line.came] == [
            (0,),
            mark + framed(media("20")) + framed(media("40")),
        ]


def unread(line: Line) -> int:
    """Bytes that still wait in the kernel."""
    return int.from_bytes(fcntl.ioctl(line.near, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.parametrize("kind", ["sound", "other messages"])
def test_of_a_socket_that_waits_for_slow_ears_a_little_is_kept_and_the_rest_waits_with_its_sender(kind: str) -> None:
    """While ears hold everything up, its own among them, the sockets are looked at in between."""
    sounds = [bytes([number % 255]) * 160 for number in range(FLOOD_BYTES // 340)]
    sound = b"".join(framed(media(str(number * FRAME_MS), sound=each)) for number, each in enumerate(sounds))
    others = framed(json.dumps({"event": "mark", "mark": {"name": "x" * 300}}).encode()) * (FLOOD_BYTES // 340)
    left = bytearray(sound if kind == "sound" else others)
    sent = len(left)
    calm: list[bytes] = []
    waited: list[int] = []
    # Each look takes what is read at once; there are enough of them to take all.
    with bench(50) as made:
        flooding, beside, *slow = made.lines
        flooding.far.setblocking(False)

        def flood() -> None:
            with suppress(BlockingIOError):
                while left:
                    del left[: flooding.far.send(left[:4_096])]

        def take_long(_sound: bytes, _at_ms: int, _frames: int) -> None:
            waited.append(sent - len(left) - unread(flooding))
            flood()
            calm.append(media(str(len(calm) * FRAME_MS)))
            beside.far.sendall(framed(calm[-1]))

        def hear_and_be_flooded(sound: bytes, at_ms: int, frames: int) -> None:
            flooding.inbound(sound, at_ms, frames)
            flood()

        made.reception.hear(flooding.number, (hear_and_be_flooded, hear_and_be_flooded))
        flood()
        for each in slow:
            made.reception.hear(each.number, (take_long, take_long))
            each.far.sendall(framed(media()))
        made.bring()
        assert len(waited) == len(slow) and 0 < max(waited) <= WAITING_BYTES_MAX
        while left or unread(flooding):
            flood()
            made.bring()
        made.bring(until=2)
        assert beside.heard == said_by_the_parser(calm)
        assert flooding.heard["inbound"] == ([(0, b"".join(sounds))] if kind == "sound" else [])
        assert flooding.others == (b"" if kind == "sound" else others)
