"""The process's own wall: no Python code of this process connects to a host that is not listed.

It does not replace a firewall (a library in C is not seen); it finds the mistake on the day it is made, and
says so.
"""

import contextvars
import ipaddress
import json
import logging
import os
import resource
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from processors import register

logger = logging.getLogger(__name__)

_EVENTS: Final = frozenset(
    {
        "socket.connect",
        "socket.sendto",
        "socket.sendmsg",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
    }
)
_ADDRESSES_MAX: Final = 10_000
_SEEN_MAX: Final = 1_000
_NO_CORE_BYTES: Final = 1
HOSTS_SUFFIX: Final = ".hosts"
# What this thread alone may reach just now, beyond what is listed.
_let_through: contextvars.ContextVar[frozenset[str]] = contextvars.ContextVar("let_through", default=frozenset())


class HostNotListed(PermissionError):
    """A connection to a host that nobody listed was refused; nothing was sent. An OSError, so that every network
    library treats it as a connection that could not be made. Permanent."""


class Guard:
    """allowed: names and addresses that may be contacted. folder: where contacted hosts and refusals are
    written."""

    def __init__(self, *, allowed: frozenset[str], folder: Path | None) -> None:
        self.allowed = allowed
        self.folder = folder
        self._names: dict[str, str] = {}
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def check_name(self, host: str) -> None:
        """Raises HostNotListed for a name that may not be looked up."""
        if host and not self._may_reach(host):
            self._refuse(host, None)

    def check_address(self, host: str, port: int) -> None:
        """Raises HostNotListed for an address that no listed name led to."""
        if not self._may_reach(host):
            self._refuse(host, port)
        if host in _let_through.get():
            # Whose servers these are, the disclosures say.
            self._record(f"a customer's server:{port}")
            return
        self._record(f"{self._names.get(host, 'localhost' if _is_loopback(host) else host)}:{port}")

    def learn(self, host: str, addresses: list[str]) -> None:
        """Remembers what a listed name resolved to; of another that was let through nothing stays."""
        if host.lower().rstrip(".") not in self.allowed:
            return
        with self._lock:
            if len(self._names) < _ADDRESSES_MAX:
                self._names.update(dict.fromkeys(addresses, host))

    def _may_reach(self, host: str) -> bool:
        name = host.lower().rstrip(".")
        return name in self.allowed or host in self._names or host in _let_through.get() or _is_loopback(name)

    def _record(self, line: str) -> None:
        if line in self._seen or len(self._seen) >= _SEEN_MAX:
            return
        with self._lock:
            self._seen.add(line)
        self._append(HOSTS_SUFFIX, line)

    def _refuse(self, host: str, port: int | None) -> None:
        logger.error("egress blocked", extra={"host": host, "port": port, "reason": "host_not_listed"})
        now = datetime.now(UTC).isoformat()
        line = {"at": now, "host": host[:255], "port": port, "reason": "host_not_listed"}
        self._append(".blocked", json.dumps(line))
        raise HostNotListed(f"{host} is not a listed recipient; list it in processors/register.py or do not call it.")

    def _append(self, suffix: str, line: str) -> None:
        if self.folder is None:
            return
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self.folder / f"{os.getpid()}{suffix}").open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            logger.error("egress record not written", extra={"error_type": type(error).__name__})

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Called by the interpreter for every audited event, so the first line is what costs."""
        if event not in _EVENTS:
            return
        if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            connection, address = arguments
            if connection.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
                self.check_address(_text(address[0]), int(address[1]))
        else:
            self.check_name(_text(arguments[0]))


_installed: Guard | None = None


def install(settings: Any) -> Guard:
    """Puts the guard around a process of the product: listed processors and the operator's own machines may be reached.

    Raises ProcessorMisconfigured when a processor's address is neither its own nor on this machine.
    """
    allowed = hosts_of_processors(settings) | own_hosts(settings)
    return enclose(allowed=allowed, folder=Path(settings.DATA_DIR) / "egress")


def enclose(*, allowed: frozenset[str] = frozenset(), folder: Path | None = None) -> Guard:
    """Puts the guard around this process, once; it cannot be taken off again, and keeps its memory off the disk. A second
    call only changes what it knows.

    allowed: hosts besides this machine. folder: None keeps no record of contacted hosts and reports refusals in the log
    alone.
    """
    global _installed
    keep_memory_off_disk()
    if _installed is not None:
        _installed.allowed, _installed.folder = allowed, folder
        return _installed
    _installed = Guard(allowed=allowed, folder=folder)
    _learn_from_lookups(_installed)
    sys.addaudithook(_installed.audit)
    return _installed


def keep_memory_off_disk() -> None:
    """From now on no crash of this process, or of one that it starts, writes what is in memory to disk: speech, keys, passwords."""
    # Not 0: the kernel takes that for files alone, and still pipes the memory to a collector of crashes. It refuses 1 for both.
    resource.setrlimit(resource.RLIMIT_CORE, (_NO_CORE_BYTES, _NO_CORE_BYTES))


@contextmanager
def letting_through(hosts: Iterable[str]) -> Iterator[None]:
    """Lets this thread reach these names or addresses meanwhile. For `processors/customers.py` alone, which checked them."""
    token = _let_through.set(frozenset(hosts))
    try:
        yield
    finally:
        _let_through.reset(token)


def hosts_of_processors(settings: Any) -> frozenset[str]:
    bases = [base for processor in register.PROCESSORS for base in processor.bases if base.endpoints]
    return frozenset(urlsplit(register.base_url(base, settings)).hostname or "" for base in bases)


def own_hosts(settings: Any) -> frozenset[str]:
    """The operator's own machines that the settings name: database, Redis, mail server, transcriber, the public addresses,
    and this one."""
    hosts = {str(database.get("HOST") or "") for database in settings.DATABASES.values()}
    hosts.add(urlsplit(settings.ERASURE_LEDGER_URL).hostname or "")
    hosts |= {urlsplit(url).hostname or "" for url in [*settings.REDIS_URLS, settings.TRANSCRIBER_ADDRESS]}
    hosts |= {urlsplit(url).hostname or "" for url in (settings.PUBLIC_URL, settings.MEDIA_SOCKET_URL)}
    hosts |= {settings.EMAIL_HOST, socket.gethostname()}
    return frozenset(host.lower() for host in hosts if host and not host.startswith("/"))


def contacted(folder: Path) -> list[str]:
    """Distinct `host:port` that the processes of this data folder connected to. folder: DATA_DIR/egress."""
    lines = {line for path in folder.glob(f"*{HOSTS_SUFFIX}") for line in path.read_text().splitlines()}
    return sorted(lines)


def _learn_from_lookups(guard: Guard) -> None:
    # The audit event comes before the lookup and does not show what it found.
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
        found = look_up(host, port, family, type, proto, flags)
        if host:
            guard.learn(_text(host), [str(entry[4][0]) for entry in found])
        return found

    socket.getaddrinfo = getaddrinfo


def _text(host: Any) -> str:
    if host is None:
        return ""
    return host.decode("ascii", errors="replace") if isinstance(host, bytes | bytearray) else str(host)


def _is_loopback(host: str) -> bool:
    if host in register.LOOPBACK:
        return True
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
