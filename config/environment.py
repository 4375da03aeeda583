"""Typed reading of environment variables; the only place that touches os.environ for settings."""

import os
import re
from collections.abc import Sequence
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_network


class SettingInvalid(ValueError):
    """A setting has a value that cannot be used; the message names the setting and what to put there."""


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


def boolean(name: str, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None or value == "":
        return default
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off"}:
        return False
    raise SettingInvalid(f"{name} is {value!r}; set it to true or false.")


def integer(name: str, default: int, *, minimum: int, maximum: int) -> int:
    value = os.environ.get(name)
    if value is None or value == "":
        return default
    try:
        number = int(value)
    except ValueError:
        raise SettingInvalid(f"{name} is {value!r}; set it to a whole number.") from None
    if not minimum <= number <= maximum:
        raise SettingInvalid(f"{name} is {number}; set it between {minimum} and {maximum}.")
    return number


def amount_micro(name: str, default: str, *, maximum: int) -> int:
    """An amount of money such as 0.0079, in millionths."""
    return _micro(name, os.environ.get(name) or default, maximum)


def prices_micro(name: str, default: str, *, maximum: int) -> dict[str, int]:
    """Countries with the amount of each, such as US:0.0079,*:0.30; * stands for all others and is never missing."""
    value = os.environ.get(name) or default
    pairs = [item.partition(":") for item in value.split(",") if item.strip()]
    found = {country.strip(): _micro(name, amount.strip(), maximum) for country, _, amount in pairs}
    if "*" not in found or len(found) != len(pairs):
        raise SettingInvalid(f"{name} is {value!r}; name each country once, and * for all others: US:0.01,*:0.30.")
    return found


def _micro(name: str, value: str, maximum: int) -> int:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", value, re.ASCII) or not 0 < Decimal(value) <= maximum:
        raise SettingInvalid(f"{name} has the amount {value!r}; set it to a number such as 0.05, up to {maximum}.")
    return int(Decimal(value) * 1_000_000)


def choice(name: str, default: str, allowed: Sequence[str]) -> str:
    value = os.environ.get(name) or default
    if value not in allowed:
        raise SettingInvalid(f"{name} is {value!r}; set it to {' or '.join(allowed)}.")
    return value


def networks(name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """A comma-separated list such as 10.1.0.0/16, fd00::/8; empty by default."""
    value = os.environ.get(name, "")
    try:
        return tuple(ip_network(item.strip()) for item in value.split(",") if item.strip())
    except ValueError:
        raise SettingInvalid(f"{name} is {value!r}; set it to networks such as 10.1.0.0/16, with commas.") from None


def items(name: str, default: Sequence[str] = ()) -> list[str]:
    """A comma-separated list, blanks dropped."""
    value = os.environ.get(name)
    return list(default) if value is None else [item.strip() for item in value.split(",") if item.strip()]
