"""The other end of a request, behind a declared number of proxies."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from identity.access import Client

AGENT_CHARACTERS_MAX = 200


def client_of(request: HttpRequest) -> Client:
    agent = request.headers.get("User-Agent", "")[:AGENT_CHARACTERS_MAX]
    return Client(address=_address(request), agent="".join(filter(str.isprintable, agent)))


def _address(request: HttpRequest) -> str | None:
    """The address that the outermost of our own proxies saw; anybody can write what stands left of it."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    if settings.NUM_PROXIES:
        forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        if len(forwarded) >= settings.NUM_PROXIES:
            address = forwarded[-settings.NUM_PROXIES]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(parsed)
