"""The forms that the values of settings have: each says whether a text can be used. What is demanded of which setting is in
config/configuration.py.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import phonenumbers

# What config/settings.py reads of a database's address; anything else would be dropped without a word.
DATABASE_PARAMETERS: Final = frozenset(
    {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding"}
)
PACK_FIELDS: Final = {"price_id": str, "name": str, "mcredits": int, "amount_minor": int, "currency": str}


def matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def is_url(*schemes: str) -> Callable[[str], bool]:
    def valid(value: str) -> bool:
        try:
            parts = urlsplit(value)
            return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            return False

    return valid


def is_database_url(value: str) -> bool:
    parts = urlsplit(value)
    reached = bool(parts.hostname) or "host=" in parts.query
    known = set(parse_qs(parts.query, keep_blank_values=True)) <= DATABASE_PARAMETERS
    return parts.scheme in {"postgresql", "postgres"} and reached and len(parts.path) > 1 and known


def are_redis_urls(value: str) -> bool:
    def valid(url: str) -> bool:
        parts = urlsplit(url.strip())
        return bool(parts.hostname) if parts.scheme in {"redis", "rediss"} else parts.scheme == "unix"

    return all(valid(url) for url in value.split(","))


def are_packs(value: str) -> bool:
    try:
        packs = json.loads(value)
        return bool(packs) and all(
            isinstance(pack.get(field), kind) for pack in packs for field, kind in PACK_FIELDS.items()
        )
    except (ValueError, AttributeError, TypeError):
        return False


def are_countries(value: str) -> bool:
    countries = {country.strip() for country in value.split(",")} - {""}
    return countries == {"all"} or set() < countries <= set(phonenumbers.SUPPORTED_REGIONS)


def are_prices(value: str) -> bool:
    """Whether the countries are such; amounts are looked at where they are read."""
    countries = {pair.partition(":")[0].strip() for pair in value.split(",")}
    return countries - {"*"} <= set(phonenumbers.SUPPORTED_REGIONS)


def is_port(value: str) -> bool:
    return value.isascii() and value.isdigit() and 1 <= int(value) <= 65535


def is_folder(value: str) -> bool:
    return Path(value).is_dir()


def is_writable(value: str) -> bool:
    """Whether the folder can be written to, or made."""
    folder = Path(value).absolute()
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
