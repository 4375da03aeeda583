"""The TCP ports of one stack."""

import errno
import os
import socket
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields
from random import SystemRandom

# The system's own, since two that choose at once would choose the same.
_chance = SystemRandom()


# Below those that the system gives to outgoing connections.
_FREE = range(15_000, 32_000)


class PortUnusable(RuntimeError):
    """A port is taken or no port at all, or the address is none of this machine's; the message names it and the setting that moves it."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Each between 1 and 65535; the field's setting is in SETTINGS."""

    web: int = 8000
    media: int = 8001
    live: int = 8002
    sandbox: int = 8100
    sandbox_smtp: int = 8125


SETTINGS = {
    "web": "PORT_WEB",
    "media": "PORT_MEDIA",
    "live": "PORT_LIVE",
    "sandbox": "SANDBOX_PORT",
    "sandbox_smtp": "SANDBOX_SMTP_PORT",
}


def from_environment(environ: Mapping[str, str]) -> Ports:
    """The defaults, moved by the settings. Raises PortUnusable for a value that is no port."""
    chosen: dict[str, int] = {}
    for field, setting in SETTINGS.items():
        value = environ.get(setting, "")
        if value and not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
            raise PortUnusable(f"{setting} is {value!r}; set it to a port between 1 and 65535.")
        if value:
            chosen[field] = int(value)
    return Ports(**chosen)


def to_environment(ports: Ports) -> dict[str, str]:
    return {SETTINGS[field.name]: str(getattr(ports, field.name)) for field in fields(ports)}


def free(among: range = _FREE) -> Ports:
    """Ports that nothing listens on now, so that stacks can stand side by side.

    None is of those that the system gives to outgoing connections, which could take one before its server does.
    """
    with ExitStack() as held:
        numbers: list[int] = []
        while len(numbers) < len(fields(Ports)):
            port = _chance.choice(among)
            try:
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            numbers.append(port)
    return Ports(*numbers)


def check_free(ports: Ports, *, bind: str = "127.0.0.1", only: Collection[str] = tuple(SETTINGS)) -> None:
    """Raises PortUnusable, naming every port (of those fields) that another program holds or that stands there twice.

    bind: the IP address on which they are to be listened on.
    """
    problems = []
    settings: dict[int, str] = {}
    for field in only:
        setting = SETTINGS[field]
        port: int = getattr(ports, field)
        if (other := settings.setdefault(port, setting)) != setting:
            problems.append(f"{other} and {setting} are both {port}; set them to different ports.")
            continue
        family = socket.AF_INET6 if ":" in bind else socket.AF_INET
        with socket.socket(family) as probe:
            # As the servers do it: what lingers of a connection just closed does not count as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, port))
            except OSError as refused:
                if isinstance(refused, socket.gaierror) or refused.errno == errno.EADDRNOTAVAIL:
                    raise PortUnusable(
                        f"BIND_ADDRESS is {bind!r}, at which this machine cannot listen; set it to an address of its own."
                    ) from None
                problems.append(
                    f"Port {port} ({field}) cannot be used: {os.strerror(refused.errno or 0).lower()}. "
                    f"Stop what listens there, or choose another with {setting}."
                )
    if problems:
        raise PortUnusable("\n".join(problems))
