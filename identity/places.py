"""In which country an address is registered. The table is part of a library: nothing is asked of anybody (decision 0038)."""

from ipaddress import IPv6Address, ip_address
from typing import NamedTuple


class Place(NamedTuple):
    """country: ISO 3166 alpha-2, None where it is not known. is_local: an address of a private network, which is in no table."""

    country: str | None
    is_local: bool


def place_of(address: str | None) -> Place:
    if not address:
        return Place(None, is_local=False)
    found = ip_address(address)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if not found.is_global:
        return Place(None, is_local=True)
    # Only the page of one's own sessions asks, and not every process has to hold the table.
    from iptocc import country_code

    return Place(country_code(str(found)), is_local=False)
