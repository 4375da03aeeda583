"""Twilio's signalling, played for one page: the real Voice SDK speaks with it over the socket that it opens.

Who connects is let in by the sandbox, which asks the product what to do; the sound is exchanged with a second tab.
"""

import contextlib
import json
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx
from playwright.sync_api import Page, WebSocketRoute

from sandbox.rep import Rep

SOCKET = re.compile(r"^wss://voice-js\..*twilio\.com/signal$")
# The SDK gives up a socket that is silent for 15 s, and a look at a page takes longer where the machine is busy: the far tab's clock
# beats, whatever this side waits for.
BEAT_EVERY_MS = 5_000
BEAT = "everyMs => { setInterval(() => window.beat(), everyMs); }"
# The SDK tells a minute before the end of a token that it ends: some seconds into the first call.
TOKEN_LASTS_S = 65
# By which the SDK takes up a call whose signalling was lost.
RECONNECT = "again"
OVER = ("completed", "busy", "failed", "no-answer", "canceled")
ANSWER = """async ([offer, soundPasses]) => {
  // Without the addresses of the other side nobody finds the other, as behind a firewall.
  const passed = (sdp) => (soundPasses ? sdp : sdp.replace(/a=candidate:.*\\r\\n/g, ""));
  const peer = new RTCPeerConnection();
  window.peer = peer;
  // Sound that nobody listens to is not decoded, and has no energy.
  peer.ontrack = ({ streams }) => {
    const ear = new Audio();
    ear.srcObject = streams[0];
    ear.play();
  };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  for (const track of stream.getTracks()) peer.addTrack(track, stream);
  await peer.setRemoteDescription({ type: "offer", sdp: passed(offer) });
  await peer.setLocalDescription(await peer.createAnswer());
  if (peer.iceGatheringState !== "complete") {
    await new Promise((done) => {
      peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && done();
    });
  }
  return passed(peer.localDescription.sdp);
}"""


class Signalling:
    """far: the tab that is the carrier's end of the sound. answers: whether the carrier can be reached.
    sound_passes: whether the network lets sound through."""

    def __init__(self, page: Page, far: Page, control: Rep) -> None:
        self._page = page
        self._far = far
        self._control = control
        self._inbox: deque[dict[str, Any]] = deque()
        self._socket: WebSocketRoute | None = None
        self.answers = True
        self.sound_passes = True
        self.tokens: list[str] = []
        # Those that let nobody in any more.
        self.ended: set[str] = set()
        self.sid = ""
        self.heard: list[str] = []
        page.route_web_socket(SOCKET, self._opened)
        far.expose_function("beat", self._beat)
        far.evaluate(BEAT, BEAT_EVERY_MS)

    def _beat(self) -> None:
        if self.answers and self._socket is not None:
            self._socket.send("\n")

    def _opened(self, socket: WebSocketRoute) -> None:
        self._socket = socket
        socket.on_message(self._note)

    def _note(self, message: str | bytes) -> None:
        if str(message).strip():
            self._inbox.append(json.loads(message))

    def until(self, condition: Callable[[], object], *, within_s: float = 20.0) -> None:
        """Plays on until the page has come so far. A handler of Playwright's may not itself ask the sandbox or another tab."""
        limit = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < limit, f"it did not happen in time; the page said {self.heard}"
            self._page.wait_for_timeout(100)
            self.turn()

    def turn(self) -> None:
        while self._inbox:
            message = self._inbox.popleft()
            self.heard.append(message["type"])
            if self.answers:
                self._take(message["type"], message["payload"])
        if self.sid and self.status_of(self.sid) in OVER:
            self._say("hangup", {"callsid": self.sid})
            self.sid = ""

    def _take(self, kind: str, payload: dict[str, Any]) -> None:
        match kind:
            case "listen":
                self.tokens.append(payload["token"])
                if payload["token"] in self.ended:
                    self._say("error", {"error": {"code": 31205, "message": "AccessTokenExpired"}})
                    return
                self._say("connected", {"edge": "roaming", "token": {"identity": "rep", "ttl": TOKEN_LASTS_S}})
            case "invite" if payload.get("reconnect"):
                # The page that has the call already takes its signalling up again; the sound goes on meanwhile.
                assert (payload["callsid"], payload["reconnect"]) == (self.sid, RECONNECT)
                self._say("answer", {"callsid": self.sid, "sdp": "", "reconnect": RECONNECT})
            case "invite":
                params = dict(parse_qsl(payload["twilio"]["params"]))
                asked = {"token": self.tokens[-1], "params": params}
                self.sid = self._control.sandbox("POST", "/sandbox/api/clients/calls", asked)["sid"]
                answer = self._far.evaluate(ANSWER, [payload["sdp"], self.sound_passes])
                self._say("answer", {"callsid": self.sid, "sdp": answer, "reconnect": RECONNECT})
            case "hangup" if self.sid:
                self._end_leg()

    def break_off(self) -> None:
        """The socket is lost, and by now every token has ended with which somebody was let in."""
        assert self._socket is not None
        self.ended.update(self.tokens)
        self._socket.close(code=1011)
        self._socket = None

    def lose_the_page(self) -> None:
        """What the socket would have said last is lost with the document, and Twilio ends the leg that it has no page for."""
        self._socket = None
        self._end_leg()

    def _end_leg(self) -> None:
        # The product may have ended it a moment before.
        with contextlib.suppress(httpx.HTTPStatusError):
            self._control.sandbox("POST", f"/sandbox/api/calls/{self.sid}/hangup")
        self.sid = ""

    def status_of(self, sid: str) -> str:
        return str(self._control.sandbox("GET", f"/sandbox/api/calls/{sid}")["status"])

    def _say(self, kind: str, payload: dict[str, Any]) -> None:
        assert self._socket is not None
        self._socket.send(json.dumps({"type": kind, "payload": payload, "version": "1.6"}))
