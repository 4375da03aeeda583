"""What stands sealed in a database, opened with the product's keys, so that a scan reads what the product would."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import psycopg
from django.test import override_settings
from psycopg import sql

from processors.seal import INDEX_BYTES, KEY_ID_BYTES, SealUnreadable, unseal

# The settings that hold keys.
KEYS: Final = ("FIELD_KEYS", "STAFF_SECRET_KEYS", "SUPPRESSION_KEY")
# With each column the table's key, which is sealed along, and whether a blind index stands in the value.
_COLUMNS: Final = """
    SELECT here.table_name, here.column_name, key.attname, EXISTS (
        SELECT FROM information_schema.columns AS index
        WHERE index.table_name = here.table_name AND index.is_generated = 'ALWAYS'
            AND index.column_name = regexp_replace(here.column_name, '_sealed$', '_key')
    )
    FROM information_schema.columns AS here
        JOIN pg_index ON pg_index.indrelid = format('%I.%I', here.table_schema, here.table_name)::regclass AND indisprimary
        JOIN pg_attribute AS key ON key.attrelid = pg_index.indrelid AND key.attnum = pg_index.indkey[0]
    WHERE here.table_schema = 'public' AND here.column_name LIKE '%\\_sealed'
    ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """One sealed value. place: "sealed <table>.<column>". sealed: as the column holds it. index: its blind index, b"" where there
    is none. text: what it says."""

    place: str
    sealed: bytes
    index: bytes
    text: str

    def traces(self) -> Iterator[bytes]:
        """By what its bytes are known anywhere: of each the longest piece in which no line ends, since files are read in lines."""
        for raw in filter(None, (self.sealed, self.index)):
            yield max(re.split(rb"[\n\r\0]", raw), key=len)


def opened(database_url: str, keys: Mapping[str, str]) -> list[Opened]:
    """Every sealed value. keys: the settings KEYS, as an environment has them. Raises SealUnreadable."""
    found = []
    rings = {name: [each.strip() for each in keys[name].split(",")] for name in KEYS if name.endswith("_KEYS")}
    one = {name: keys.get(name, "") for name in ("SUPPRESSION_KEY", "SUPPRESSION_KEY_PREVIOUS")}
    with override_settings(**rings, **one), psycopg.connect(database_url, autocommit=True) as database:
        for table, column, key, has_index in database.execute(_COLUMNS).fetchall():
            names = (sql.Identifier(each) for each in (key, column, table, column))
            rows = database.execute(sql.SQL("SELECT {}, {} FROM {} WHERE length({}) > 0").format(*names))
            found += [_open(table, column, row_id, bytes(sealed), has_index) for row_id, sealed in rows]
    return found


def holding(values: Iterable[Opened], needles: set[bytes]) -> Iterator[Opened]:
    """Those that say one of them."""
    return (each for each in values if any(needle in each.text.encode() for needle in needles))


def _open(table: str, column: str, row_id: object, sealed: bytes, has_index: bool) -> Opened:
    index_bytes = INDEX_BYTES if has_index else 0
    index = sealed[KEY_ID_BYTES : KEY_ID_BYTES + index_bytes]
    for keys in KEYS:
        try:
            text = unseal(sealed, about=f"{table}.{column}:{row_id}", keys=keys, index_bytes=index_bytes)
        except SealUnreadable:
            continue
        return Opened(f"sealed {table}.{column}", sealed, index, text)
    raise SealUnreadable(f"{table}.{column} of {row_id}")
