"""Looking for traces of a person everywhere that the product writes."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis
from psycopg import sql

from processors import guard


def variants(canary: str) -> set[bytes]:
    """The forms in which a value may be kept."""
    forms = {canary, canary.lower(), quote(canary), quote(canary, safe=""), json.dumps(canary)[1:-1]}
    if canary.startswith("+"):
        forms.add(canary[1:])
    return {form.encode() for form in forms} | {base64.b64encode(canary.encode()).rstrip(b"=")}


class Scan:
    """Counts canaries in tables, Valkey, files and the database's own bytes. folder: the stack's data folder."""

    def __init__(self, *, database_url: str, redis_url: str, folder: Path) -> None:
        self._database_url = database_url
        self._redis_url = redis_url
        self._folder = folder

    def everywhere(self, canaries: Iterable[str]) -> dict[str, int]:
        """Where a canary was found, and how often; empty when nothing is left."""
        needles = {needle for canary in canaries for needle in variants(canary)}
        found = self._tables(needles) | self._valkey(needles) | self._files(needles)
        return {place: count for place, count in found.items() if count}

    def _tables(self, needles: set[bytes]) -> dict[str, int]:
        found = {}
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            tables = connection.execute(
                "SELECT schemaname, relname FROM pg_stat_user_tables UNION ALL SELECT 'pg_catalog', 'pg_stats'"
            ).fetchall()
            for schema, table in tables:
                query = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(schema, table))
                with connection.cursor().copy(query) as copy:
                    found[f"table {table}"] = _count(b"".join(bytes(block) for block in copy), needles)
        return found

    def _valkey(self, needles: set[bytes]) -> dict[str, int]:
        found = 0
        with redis.Redis.from_url(self._redis_url) as client:
            for key in client.scan_iter():
                found += _count(bytes(key) + bytes(client.dump(key) or b""), needles)
        return {"valkey": found}

    def _files(self, needles: set[bytes]) -> dict[str, int]:
        """Every file below the data folder but the sandbox's own memory, which stands for other companies' machines."""
        found = {}
        for path in self._folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and not path.name.startswith("sandbox"):
                try:
                    content = path.read_bytes()
                except FileNotFoundError:
                    continue
                found[f"file {path.relative_to(self._folder)}"] = _count(content, needles)
        return found


def _count(content: bytes, needles: set[bytes]) -> int:
    return sum(content.count(needle) for needle in needles)


def hosts_contacted(folder: Path) -> list[str]:
    """Every host that a process of the product connected to, from the guards' own records."""
    return guard.contacted(folder / "egress")
