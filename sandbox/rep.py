"""A rep without a browser: uses the product over HTTP and its socket exactly as a page does.

The demo data, the smoke run and the tests are made with it. It knows the product's addresses and shapes, and nothing of
its insides.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

SESSION_COOKIE = "__Host-session"
CSRF_COOKIE = "__Host-csrf"


class UnexpectedAnswer(AssertionError):
    """The product answered something else than the story needs; the message has status and body."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who signs up. mobile: E.164; the sandbox's telephone network must know it."""

    first_name: str = "Robin"
    last_name: str = "Rep"
    email: str = "robin.rep@example.com"
    mobile: str = "+12025550101"
    password: str = "calm-harbour-lantern-42"


class Rep:
    """One browser session. Cookies are kept by hand: `__Host-` cookies are Secure, which a browser accepts from localhost
    and an HTTP library does not."""

    def __init__(self, product_url: str, sandbox_url: str) -> None:
        self._http = httpx.Client(base_url=product_url, timeout=30.0)
        self._sandbox = httpx.Client(base_url=sandbox_url, timeout=30.0)
        self._product_url = product_url
        self._cookies: dict[str, str] = {}

    def close(self) -> None:
        self._http.close()
        self._sandbox.close()

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        """One request as the page would send it. key: Idempotency-Key."""
        headers = {"Cookie": self.cookie_header, "Origin": self._product_url}
        if CSRF_COOKIE in self._cookies:
            headers["X-CSRFToken"] = self._cookies[CSRF_COOKIE]
        if key:
            headers["Idempotency-Key"] = key
        response = self._http.request(method, path, json=body, headers=headers)
        for line in response.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.value
        return response

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None, expect: int = 200) -> Any:
        """The decoded answer.

        :raises UnexpectedAnswer: another status than expected.
        """
        response = self.ask(method, path, body, key=key)
        if response.status_code != expect:
            raise UnexpectedAnswer(f"{method} {path}: {response.status_code} {response.text[:500]}")
        return response.json() if response.content else None

    @property
    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def sign_up(self, person: Person, *, invitation: str | None = None) -> dict[str, Any]:
        """Signs up and proves the mobile with the code that the sandbox's phone shows. invitation: what stands in the mailed link."""
        self.call("GET", "/api/session")
        policy = self.call("GET", "/api/policy")
        self.call(
            "POST",
            "/api/signup",
            {
                "first_name": person.first_name,
                "last_name": person.last_name,
                "email": person.email,
                "mobile": person.mobile,
                "password": person.password,
                "sms_consent": True,
                "policy_version": policy["version"],
                "policy_accepted": True,
                "transfer_consent": True,
                "invitation": invitation,
            },
        )
        return self.prove_mobile(person.mobile)

    def come_back(self, session_key: str) -> None:
        """With a session that this browser had before."""
        self._cookies[SESSION_COOKIE] = session_key
        self.call("GET", "/api/session")

    def sign_in(self, person: Person) -> dict[str, Any]:
        self.call("GET", "/api/session")
        self.call("POST", "/api/signin", {"email": person.email, "password": person.password})
        return self.prove_mobile(person.mobile)

    def prove_mobile(self, mobile: str) -> dict[str, Any]:
        self.call("POST", "/api/otp/send")
        session: dict[str, Any] = self.call("POST", "/api/otp/check", {"code": self.newest_code(mobile)})
        return session

    def confirm_email(self, email: str) -> None:
        """Presses the button behind the newest link that the mailbox got about its address."""
        link = self.wait_for(lambda: self.links_to(email, "/confirm-email#"))[-1]
        self.call("POST", "/api/email/confirm", {"token": link.partition("#")[2]})

    def links_to(self, email: str, place: str) -> list[str]:
        """Those in the mailbox that lead to this place of the product, the newest last."""
        mails = self.sandbox("GET", "/sandbox/api/mails", params={"to": email})
        return [link for mail in mails for link in mail["links"] if place in link]

    def newest_code(self, mobile: str) -> str:
        """The passcode that the sandbox's phone shows."""
        messages = self.sandbox("GET", "/sandbox/api/messages", params={"to": mobile})
        return str(messages[-1]["code"])

    def sandbox(self, method: str, path: str, body: Any = None, params: dict[str, str] | None = None) -> Any:
        """The sandbox's own control interface: its phones, messages and faults."""
        response = self._sandbox.request(method, path, json=body, params=params)
        response.raise_for_status()
        return response.json() if response.content else None

    def buy(self, price_id: str, *, email: str = "") -> dict[str, Any]:
        """Buys a pack at the sandbox's Paddle and waits until the credits are there. email: what is typed there."""
        wanted = {"price_id": price_id}
        checkout = self.call("POST", "/api/credits/checkouts", wanted, key=str(uuid.uuid4()), expect=201)
        paid = f"/sandbox/api/paddle/transactions/{checkout['transaction_id']}/pay"
        self.sandbox("POST", paid, {"email": email} if email else None)
        self.wait_for(
            lambda: self.call("GET", f"/api/credits/checkouts/{checkout['checkout_id']}")["state"] == "granted"
        )
        balance: dict[str, Any] = self.call("GET", "/api/credits")
        return balance

    def wait_for(self, condition: Callable[[], Any], *, limit_s: float = 30.0, every_s: float = 0.2) -> Any:
        """The first true value of the condition.

        :raises UnexpectedAnswer: none within the limit.
        """
        until = time.monotonic() + limit_s
        while not (value := condition()):
            if time.monotonic() > until:
                raise UnexpectedAnswer(f"waited {limit_s:g} s in vain")
            time.sleep(every_s)
        return value

    def live(self) -> "Live":
        url = self.call("GET", "/api/session")["live_socket_url"]
        return Live(f"{url}/ws/", self.cookie_header, self._product_url)


@dataclass(slots=True)
class Received:
    """An event as the socket delivered it. at_s: time.monotonic() of its arrival."""

    at_s: float
    event: dict[str, Any]


@dataclass(slots=True)
class Live:
    """The browser's socket, read on a thread of its own."""

    url: str
    cookie: str
    origin: str
    events: list[Received] = field(default_factory=list)
    close_code: int | None = None
    _socket: Any = None
    _thread: threading.Thread | None = None

    def open(self) -> "Live":
        self._socket = connect(self.url, origin=Origin(self.origin), additional_headers={"Cookie": self.cookie})
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.wait_for("ready")
        return self

    def follow(self, call_id: str) -> None:
        self._socket.send(json.dumps({"action": "follow", "call_id": call_id}))
        self.wait_for("following")

    @property
    def is_open(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def of_type(self, kind: str) -> list[Received]:
        return [received for received in list(self.events) if received.event["type"] == kind]

    def wait_for(self, kind: str, *, limit_s: float = 10.0) -> Received:
        until = time.monotonic() + limit_s
        while not (found := self.of_type(kind)):
            if time.monotonic() > until or not self.is_open:
                raise UnexpectedAnswer(f"no {kind} event within {limit_s:g} s, or the socket closed before")
            time.sleep(0.02)
        return found[-1]

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._thread is not None:
            self._thread.join(5)

    def _read(self) -> None:
        try:
            for text in self._socket:
                self.events.append(Received(time.monotonic(), json.loads(text)["event"]))
        except ConnectionClosed:
            pass
        finally:
            self.close_code = self._socket.close_code
