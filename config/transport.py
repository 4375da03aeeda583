"""What `make serve` demands of connections and secrets: TLS, with a checked certificate, to whatever is on another machine, disks that
nobody else reads, and no secret that can be guessed. The problems are named by config/configuration.py.

A network that encrypts by itself (WireGuard, a provider's private one between hosts that one trusts) is told by PLAIN_HOSTS.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

HOSTS_OF_THIS_MACHINE: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
PASSWORD_CHARACTERS_MIN: Final = 12
# Of random text of these lengths no one has fewer different characters than this.
_DIFFERENT_MIN: Final[dict[str, int]] = {
    "SECRET_KEY": 16,
    "SECRET_KEY_FALLBACKS": 16,
    "SUPPRESSION_KEY": 8,
    "SUPPRESSION_KEY_PREVIOUS": 8,
    "LOOKUP_KEY": 8,
    "LOOKUP_KEY_PREVIOUS": 8,
    "FIELD_KEYS": 12,
    "STAFF_SECRET_KEYS": 12,
}
_DATABASES: Final = ("DATABASE_URL", "ERASURE_LEDGER_URL")
_CHECKED: Final = frozenset({"verify-full", "verify-ca"})
_EXAMPLES: Final = re.compile("change.?me|example|django-insecure|secret.?key|password|123456", re.IGNORECASE)

Wrong = tuple[str, str, str]


def unencrypted(environ: Mapping[str, str]) -> Iterator[Wrong]:
    """Setting, what is wrong, what to do: of each connection to another machine that others could read or answer."""
    plain = {host.strip() for host in environ.get("PLAIN_HOSTS", "").split(",") if host.strip()}
    here = HOSTS_OF_THIS_MACHINE | plain
    for setting in _DATABASES:
        parts = urlsplit(environ.get(setting, ""))
        query = parse_qs(parts.query)
        host = _database_host(parts, query)
        if host in here or host.startswith("/"):
            continue
        if query.get("sslmode", [""])[0] not in _CHECKED:
            wrong = f"reaches {host} without TLS that checks who answers"
            yield (
                setting,
                wrong,
                "add ?sslmode=verify-full&sslrootcert=/path/to/ca.pem, or name the host in PLAIN_HOSTS",
            )
    for url in environ.get("REDIS_URL", "").split(","):
        parts = urlsplit(url.strip())
        if parts.scheme == "redis" and (parts.hostname or "") not in here:
            wrong = f"reaches {parts.hostname} without TLS"
            yield "REDIS_URL", wrong, "set rediss:// there, or name the host in PLAIN_HOSTS"
        elif "ssl_cert_reqs=none" in parts.query.lower():
            yield "REDIS_URL", f"checks no certificate of {parts.hostname}", "take ssl_cert_reqs out"
    transcriber = urlsplit(environ.get("TRANSCRIBER_ADDRESS", ""))
    if transcriber.scheme == "tcp" and (transcriber.hostname or "") not in here:
        wrong = f"sends what is said to {transcriber.hostname} without TLS, which it cannot speak"
        yield "TRANSCRIBER_ADDRESS", wrong, "put an encrypted network between them and name the host in PLAIN_HOSTS"


def readable(environ: Mapping[str, str]) -> Iterator[Wrong]:
    """The same, of disks: the product seals addresses, numbers and secrets, and whose disks these are could read names, notes and texts."""
    if environ.get("DISKS_ENCRYPTED") != "yes":
        wrong = "is not yes, and names, notes and the text of calls are protected by nothing but the disk's encryption"
        remedy = "encrypt the disks of both databases, of their logs and backups, and of DATA_DIR, then set yes"
        yield "DISKS_ENCRYPTED", wrong, remedy


def guessable(environ: Mapping[str, str]) -> Iterator[Wrong]:
    """The same, of secrets that somebody typed rather than made."""
    for setting, fewest in _DIFFERENT_MIN.items():
        for key in filter(None, (part.strip() for part in environ.get(setting, "").split(","))):
            if len(set(key)) < fewest or (setting == "SECRET_KEY" and _EXAMPLES.search(key)):
                yield setting, "is no random text", "make it by a generator, such as `openssl rand`"
                break
    for setting in filter(environ.get, _DATABASES):
        parts = urlsplit(environ[setting])
        if _database_host(parts, parse_qs(parts.query)).startswith("/"):
            continue
        password = unquote(parts.password or "")
        if not _is_strong(password) and not parse_qs(parts.query).get("sslcert"):
            wrong = "has no password, or one that can be guessed"
            yield setting, wrong, f"give the role a random one of {PASSWORD_CHARACTERS_MIN} characters or more"
    for url in environ.get("REDIS_URL", "").split(","):
        parts = urlsplit(url.strip())
        elsewhere = parts.scheme in ("redis", "rediss") and parts.hostname not in HOSTS_OF_THIS_MACHINE
        if elsewhere and not _is_strong(unquote(parts.password or "")):
            wrong = f"asks {parts.hostname} without a password, or with one that can be guessed"
            yield "REDIS_URL", wrong, f"set requirepass to {PASSWORD_CHARACTERS_MIN} random characters or more"
            break


def _is_strong(password: str) -> bool:
    return len(password) >= PASSWORD_CHARACTERS_MIN and len(set(password)) >= 6 and not _EXAMPLES.search(password)


def _database_host(parts: SplitResult, query: Mapping[str, list[str]]) -> str:
    return query.get("host", [parts.hostname or ""])[0]
