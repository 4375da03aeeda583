"""HTML from Python, escaped by default."""

from html import escape
from typing import Self


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()

    def __new__(cls, text: str = "") -> Self:
        return super().__new__(cls, text)


def tag(element: str, /, *children: str, **attributes: str | bool | None) -> Markup:
    """An element. A trailing underscore of an attribute's name is dropped, other underscores become hyphens.

    True writes the bare attribute; False and None leave it out. Children that are not Markup are escaped.
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value), quote=True)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    inner = "".join(child if isinstance(child, Markup) else escape(child) for child in children)
    return Markup(f"<{element}{written}>{inner}</{element}>")


def void(element: str, /, **attributes: str | bool | None) -> Markup:
    """An element without content, such as input."""
    return Markup(str(tag(element, **attributes)).removesuffix(f"</{element}>"))


def joined(*parts: Markup) -> Markup:
    return Markup("".join(parts))
