"""Looking for traces of a person everywhere that the product writes, and in what the companies beside it keep."""

import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import redis
from psycopg import sql

from config.embedded import folders
from processors import guard
from tests.smoke.cards import cards_in
from tests.smoke.needles import Canary, all_variants, variants
from tests.smoke.opened import holding, opened

# What the database itself notes beside the tables: the most common values, and the newest statement of each connection.
_NOTES: Final = ("pg_stats", "pg_stat_activity")
_ENTRIES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Found:
    """places: where something was found, and how often. missing: the canaries that are nowhere, in order."""

    places: dict[str, int]
    missing: list[Canary]


class Scan:
    """Counts canaries in tables, Valkey, files and the database's own bytes. folder: the stack's data folder. keys: the settings
    under which columns are sealed, as `opened` takes them; without them nothing is opened."""

    def __init__(
        self, *, database_url: str, redis_url: str, folder: Path, keys: Mapping[str, str] | None = None
    ) -> None:
        self._database_url = database_url
        self._redis_url = redis_url
        self._folder = folder.resolve()
        self._keys = keys

    def everywhere(self, canaries: Iterable[Canary]) -> dict[str, int]:
        """Where a canary was found, and how often; empty when nothing is left. Places: "table <name>", "sealed
        <table>.<column>", "valkey", "valkey log", "file <path>"."""
        return self.look(tuple(canaries)).places

    def look(self, canaries: Sequence[Canary]) -> Found:
        """The same, and which of them were found nowhere."""
        return self.look_for(canaries)[0]

    def look_for(self, *groups: Sequence[Canary]) -> list[Found]:
        """The same for each group of canaries, reading everything once."""
        forms = [{canary: variants(canary) for canary in canaries} for canaries in groups]
        of_groups = [{needle for each in group.values() for needle in each} for group in forms]
        needles = set().union(*of_groups)
        found = self._tables(needles) | self._sealed(needles) | self._valkey(needles) | self._files(needles)
        return [_found(found, group, mine) for group, mine in zip(forms, of_groups, strict=True)]

    def traces(self, canaries: Iterable[Canary]) -> list[bytes]:
        """What stands for these values where they are sealed: canaries themselves, for a scan that comes later."""
        needles = all_variants(canaries)
        values = holding(opened(self._database_url, self._keys or {}), needles)
        return sorted({trace for each in values for trace in each.traces()})

    def cards(self) -> dict[str, list[str]]:
        """Where something stands that passes for the number of a payment card, and what, whosever it is and whoever planted it."""
        found = {place: cards_in(content) for place, content in self._contents_of_tables()}
        found |= {place: cards_in(content) for place, content in self._contents_of_valkey()}
        for each in opened(self._database_url, self._keys) if self._keys else ():
            found.setdefault(each.place, Counter()).update(cards_in(each.text.encode()))
        for path in self._paths():
            with suppress(FileNotFoundError):
                found[self._name(path)] = cards_in(path.read_bytes())
        return {place: sorted(card.decode() for card in cards) for place, cards in found.items() if cards}

    def elsewhere(self, canaries: Iterable[Canary]) -> dict[str, int]:
        """The same of what the sandbox holds in the place of Twilio (calls, verifications), Paddle (transactions, ...), the
        mailboxes (mails) and the people's own phones (phones, messages). It writes that down five times a second."""
        needles = all_variants(canaries)
        held: dict[str, Any] = json.loads((self._folder / "sandbox.json").read_text())
        found = {
            name: _count(json.dumps(records, ensure_ascii=False).encode(), needles) for name, records in held.items()
        }
        return {name: counts.total() for name, counts in found.items() if counts}

    def _tables(self, needles: set[bytes]) -> dict[str, Counter[bytes]]:
        return {place: _count(content, needles) for place, content in self._contents_of_tables()}

    def _contents_of_tables(self) -> Iterator[tuple[str, bytes]]:
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            tables = connection.execute("SELECT schemaname, relname FROM pg_stat_user_tables").fetchall()
            for schema, table in [*tables, *(("pg_catalog", name) for name in _NOTES)]:
                query = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(schema, table))
                with connection.cursor().copy(query) as copy:
                    yield f"table {table}", b"".join(bytes(block) for block in copy)

    def _sealed(self, needles: set[bytes]) -> dict[str, Counter[bytes]]:
        found: dict[str, Counter[bytes]] = {}
        for each in opened(self._database_url, self._keys) if self._keys else ():
            found.setdefault(each.place, Counter()).update(_count(each.text.encode(), needles))
        return found

    def _valkey(self, needles: set[bytes]) -> dict[str, Counter[bytes]]:
        return {place: _count(content, needles) for place, content in self._contents_of_valkey()}

    def _contents_of_valkey(self) -> Iterator[tuple[str, bytes]]:
        with redis.Redis.from_url(self._redis_url) as client:
            content = b"\n".join(bytes(key) + _value(client, key) for key in client.scan_iter())
            entries: Any = client.slowlog_get(_ENTRIES_MAX)
            log = b"\n".join(bytes(entry["command"]) for entry in entries)
            for kind in ("large-request", "large-reply"):
                log += repr(client.execute_command("COMMANDLOG", "GET", "-1", kind)).encode()
        yield from (("valkey", content), ("valkey log", log))

    def _files(self, needles: set[bytes]) -> dict[str, Counter[bytes]]:
        """Every file below the data folder but the sandbox's own memory and log, which stand for other companies' machines.

        grep looks for all words in one pass; what may hold the end of a line is counted here.
        """
        words = {needle for needle in needles if not any(end in needle for end in (b"\n", b"\r", b"\0"))}
        found: dict[str, Counter[bytes]] = {}
        for path, word in self._grep(words):
            found.setdefault(self._name(path), Counter())[word] += 1
        for path in self._paths() if needles - words else ():
            with suppress(FileNotFoundError):
                if counts := _count(path.read_bytes(), needles - words):
                    found.setdefault(self._name(path), Counter()).update(counts)
        return found

    def _grep(self, words: set[bytes]) -> Iterator[tuple[Path, bytes]]:
        """File and word of each find."""
        paths = [str(path) for path in self._paths()]
        with tempfile.NamedTemporaryFile() as patterns:
            patterns.write(b"\n".join(sorted(words)))
            patterns.flush()
            command = [
                "grep",
                "--text",
                "--only-matching",
                "--fixed-strings",
                "--no-messages",
                "--null",
                "--with-filename",
            ]
            done = subprocess.run(
                [*command, f"--file={patterns.name}", "--", *paths],
                env={**os.environ, "LC_ALL": "C"},
                stdout=subprocess.PIPE,
                check=False,
            )
        for line in done.stdout.split(b"\n"):
            if b"\0" in line:
                path, _, word = line.partition(b"\0")
                yield Path(os.fsdecode(path)), word

    def _paths(self) -> list[Path]:
        # The sockets' folder lies elsewhere when the data folder is too long a path; Valkey would write its files there.
        places = {self._folder, folders.make(self._folder).run}
        paths = {path for place in places for path in place.rglob("*")}
        return sorted(
            each for each in paths if each.is_file() and not each.is_symlink() and not each.name.startswith("sandbox")
        )

    def _name(self, path: Path) -> str:
        return f"file {path.relative_to(self._folder) if path.is_relative_to(self._folder) else path}"


def _found(found: Mapping[str, Counter[bytes]], forms: Mapping[Canary, set[bytes]], needles: set[bytes]) -> Found:
    """What was found of one group. forms: the needles of each of its canaries; needles: all of them."""
    counts = {place: sum(counts[needle] for needle in needles) for place, counts in found.items()}
    seen = {needle for counted in found.values() for needle in counted}
    return Found(
        {place: count for place, count in counts.items() if count},
        [canary for canary, each in forms.items() if not each & seen],
    )


def kinds(places: Iterable[str]) -> set[str]:
    """The kinds of places, so that a control subject can be wanted in each: tables, sealed, statistics, valkey, bytes (of
    tables), wal, log, file."""
    return {_kind(place) for place in places}


def _kind(place: str) -> str:
    if place.startswith("table"):
        return "statistics" if place == "table pg_stats" else "tables"
    for beginning, kind in (("file postgres/base/", "bytes"), ("file postgres/pg_wal/", "wal"), ("file logs/", "log")):
        if place.startswith(beginning):
            return kind
    return place.split(" ")[0]


def _value(client: redis.Redis, key: bytes) -> bytes:
    """As it is, where DUMP would compress it."""
    kind = client.type(key)
    read: dict[bytes, Any] = {
        b"string": lambda: client.get(key),
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"hash": lambda: client.hgetall(key),
        b"zset": lambda: client.zrange(key, 0, -1, withscores=True),
        b"stream": lambda: client.xrange(key),
    }
    # A key that has just expired has no kind.
    return _flat(read[kind]()) if kind in read else b""


def _flat(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        value = [each for pair in value.items() for each in pair]
    return b"\n".join(_flat(each) for each in value) if isinstance(value, list | tuple | set) else str(value).encode()


def _count(content: bytes, needles: set[bytes]) -> Counter[bytes]:
    return +Counter({needle: content.count(needle) for needle in needles})


def hosts_contacted(folder: Path) -> list[str]:
    """Every host that a process of the product connected to, from the guards' own records."""
    return guard.contacted(folder / "egress")
