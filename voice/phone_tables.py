"""The phonenumbers tables: where a number is from, what it is, and its time zone, found in one look.

Numbers that are written with their country code need no more than that; what people write otherwise is for the library's parser,
which is ten times as slow. Whoever imports a hundred thousand waits for little else. What is found is what the library says.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    PhoneMetadata,
    PhoneNumberDesc,
    PhoneNumberType,
    is_number_type_geographical,
)
from phonenumbers.phonemetadata import REGION_CODE_FOR_NON_GEO_ENTITY
from phonenumbers.timezone import UNKNOWN_TIMEZONE
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

# No letter, comma or sign that may begin an extension or a second number.
_WRITTEN: Final = re.compile(r"\+[1-9][0-9 ().-]{4,28}[0-9]")
_NO_DIGITS: Final = str.maketrans("", "", "+ ().-")
# Two area codes of Mexico that are of its north and of the United States; their first zone is that of a fifth of all Mexicans.
_OF_NO_PLACE: Final = frozenset({"52200", "52201"})
_CODE_LENGTHS: Final = (1, 2, 3)
# In the order in which the library asks for them: the first that fits is the number's type.
_KINDS: Final = (
    ("premium_rate", PhoneNumberType.PREMIUM_RATE),
    ("toll_free", PhoneNumberType.TOLL_FREE),
    ("shared_cost", PhoneNumberType.SHARED_COST),
    ("voip", PhoneNumberType.VOIP),
    ("personal_number", PhoneNumberType.PERSONAL_NUMBER),
    ("pager", PhoneNumberType.PAGER),
    ("uan", PhoneNumberType.UAN),
    ("voicemail", PhoneNumberType.VOICEMAIL),
)


@dataclass(frozen=True, slots=True)
class Found:
    """e164: + and digits. region: ISO 3166 alpha-2, "001" of global networks. kind: a PhoneNumberType, never UNKNOWN. time_zone: IANA."""

    e164: str
    region: str
    kind: int
    time_zone: str


@dataclass(frozen=True, slots=True)
class _Shape:
    """What national numbers of some sort look like. lengths: in digits; empty when the pattern alone says it."""

    lengths: frozenset[int]
    pattern: re.Pattern[str]

    def fits(self, number: str) -> bool:
        return (not self.lengths or len(number) in self.lengths) and self.pattern.fullmatch(number) is not None


@dataclass(frozen=True, slots=True)
class _Region:
    """leading: what numbers of this region begin with, where that alone tells it from others of its country code."""

    name: str
    leading: re.Pattern[str] | None
    general: _Shape
    kinds: tuple[tuple[int, _Shape], ...]
    fixed: _Shape | None
    mobile: _Shape | None
    same_fixed_and_mobile: bool

    def kind_of(self, number: str) -> int:
        """The library's `number_type`."""
        if not self.general.fits(number):
            return PhoneNumberType.UNKNOWN
        for kind, shape in self.kinds:
            if shape.fits(number):
                return kind
        if self.fixed is not None and self.fixed.fits(number):
            either = self.same_fixed_and_mobile or (self.mobile is not None and self.mobile.fits(number))
            return PhoneNumberType.FIXED_LINE_OR_MOBILE if either else PhoneNumberType.FIXED_LINE
        if not self.same_fixed_and_mobile and self.mobile is not None and self.mobile.fits(number):
            return PhoneNumberType.MOBILE
        return PhoneNumberType.UNKNOWN


@dataclass(frozen=True, slots=True)
class _Code:
    """A country code. prefix: what people dial in front of a national number, which does not belong to it."""

    digits: str
    prefix: re.Pattern[str] | None
    regions: tuple[_Region, ...]

    def region_and_kind_of(self, number: str) -> tuple[_Region, int] | None:
        if len(self.regions) == 1:
            return self.regions[0], self.regions[0].kind_of(number)
        for region in self.regions:
            if region.leading is not None and not region.leading.match(number):
                continue
            kind = region.kind_of(number)
            if region.leading is not None or kind != PhoneNumberType.UNKNOWN:
                return region, kind
        return None


def find(text: str) -> Found | None:
    """None: it is written otherwise, or no telephone could have it; the library's parser says which."""
    if not _WRITTEN.fullmatch(text):
        return None
    digits = text.translate(_NO_DIGITS)
    code = next((found for length in _CODE_LENGTHS if (found := _code(digits[:length]))), None)
    if code is None:
        return None
    number = digits[len(code.digits) :]
    if code.prefix is not None and code.prefix.match(number):
        # Whether it belongs to the number takes all rules of that country.
        return None
    return _found(code, number)


def find_national(*, country_code: int, number: str) -> Found | None:
    """number: the digits that belong to it, leading zeros included. None: no telephone could have it."""
    code = _code(str(country_code))
    return None if code is None else _found(code, number)


def _found(code: _Code, number: str) -> Found | None:
    found = code.region_and_kind_of(number)
    if found is None or found[1] == PhoneNumberType.UNKNOWN:
        return None
    region, kind = found
    digits = code.digits + number
    return Found(f"+{digits}", region.name, kind, _time_zone(code.digits, digits, kind))


def _time_zone(code: str, digits: str, kind: int) -> str:
    """The first that is known of those where the number may be; UTC where nobody knows."""
    if is_number_type_geographical(kind, int(code)):
        prefixes: Iterator[str] = (digits[:length] for length in range(TIMEZONE_LONGEST_PREFIX, 0, -1))
    else:
        prefixes = iter((code, code[:2]))
    zones = next((TIMEZONE_DATA[prefix] for prefix in prefixes if prefix in TIMEZONE_DATA), ())
    return next((zone for zone in zones if zone != UNKNOWN_TIMEZONE), "UTC")


@cache
def zones_beside(first: str) -> frozenset[str]:
    """All zones of the numbers of which `_time_zone` says this one, being the first."""
    found = [zones for prefix, zones in TIMEZONE_DATA.items() if zones[0] == first and prefix not in _OF_NO_PLACE]
    return frozenset(zone for zones in found for zone in zones)


@cache
def _code(digits: str) -> _Code | None:
    """There are some thousand beginnings of numbers, so that all may be kept."""
    names = COUNTRY_CODE_TO_REGION_CODE.get(int(digits))
    if names is None:
        return None
    tables = [_table(int(digits), name) for name in names]
    prefix = tables[0].national_prefix_for_parsing
    return _Code(
        digits,
        re.compile(prefix) if prefix else None,
        tuple(_region(name, table) for name, table in zip(names, tables, strict=True)),
    )


def _table(code: int, region: str) -> PhoneMetadata:
    if region == REGION_CODE_FOR_NON_GEO_ENTITY:
        table = PhoneMetadata.metadata_for_nongeo_region(code, None)
    else:
        table = PhoneMetadata.metadata_for_region(region, None)
    assert table is not None
    return table


def _region(name: str, table: PhoneMetadata) -> _Region:
    general = _shape(table.general_desc)
    assert general is not None
    kinds = ((kind, _shape(getattr(table, attribute))) for attribute, kind in _KINDS)
    return _Region(
        name=name,
        leading=re.compile(table.leading_digits) if table.leading_digits is not None else None,
        general=general,
        kinds=tuple((kind, shape) for kind, shape in kinds if shape is not None),
        fixed=_shape(table.fixed_line),
        mobile=_shape(table.mobile),
        same_fixed_and_mobile=bool(table.same_mobile_and_fixed_line_pattern),
    )


def _shape(sort: PhoneNumberDesc | None) -> _Shape | None:
    if sort is None or not sort.national_number_pattern:
        return None
    return _Shape(frozenset(sort.possible_length or ()), re.compile(sort.national_number_pattern))
