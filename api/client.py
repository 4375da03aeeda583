"""The other end of a request, behind a declared number of proxies."""

import ipaddress
import re
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from identity import devices
from identity.access import Client

AGENT_CHARACTERS_MAX = 200
# 203.0.113.7:50412, [2001:db8::7]:50412 and [2001:db8::7].
_WITH_PORT = re.compile(r"^(?:([\d.]+):\d{1,5}|\[(.+)\](?::\d{1,5})?)$", re.ASCII)


def client_of(request: HttpRequest) -> Client:
    agent = request.headers.get("User-Agent", "")[:AGENT_CHARACTERS_MAX]
    return Client(
        address=_address(request),
        agent="".join(filter(str.isprintable, agent)),
        device=request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""),
    )


def remember_browser(request: HttpRequest, response: HttpResponse, *, email: str) -> None:
    """The browser is one in which this account came in."""
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        devices.marked(shown=request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""), email=email),
        max_age=devices.KNOWN_FOR,
        path="/",
        secure=True,
        httponly=True,
        samesite="Lax",
    )


def _address(request: HttpRequest) -> str | None:
    peer = str(request.META.get("REMOTE_ADDR", ""))
    return address_of(peer=peer, forwarded=request.headers.get("X-Forwarded-For", ""))


def address_of(*, peer: str, forwarded: str) -> str | None:
    """The address that the outermost of our own proxies saw; anybody can write what stands left of it.

    What a proxy passes on and is no address counts as the proxy's own, so that everybody behind it is limited together and nobody is
    not at all. peer: the other end of the connection. forwarded: the content of X-Forwarded-For.
    """
    if settings.NUM_PROXIES:
        passed = [part.strip() for part in forwarded.split(",") if part.strip()]
        if len(passed) >= settings.NUM_PROXIES and (seen := _parsed(passed[-settings.NUM_PROXIES])):
            return seen
    return _parsed(peer)


def is_this_machine(*, peer: str, forwarded: str | None) -> bool:
    """Whether a program on this machine asks for itself: the connection comes from here, and is no proxy's that passes on what
    another asked.

    peer: the other end of the connection. forwarded: the content of X-Forwarded-For, None where there is none.
    """
    return forwarded is None and _is_loopback(peer)


@lru_cache(maxsize=4_096)
def _is_loopback(peer: str) -> bool:
    address = _parsed(peer)
    return address is not None and ipaddress.ip_address(address).is_loopback


@lru_cache(maxsize=4_096)
def _parsed(address: str) -> str | None:
    """An address in its usual form; some proxies write the port behind it, or brackets around one of IPv6."""
    try:
        parsed = ipaddress.ip_address(_WITH_PORT.sub(r"\1\2", address).partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(parsed)
