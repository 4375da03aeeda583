"""The root of every domain error, so that the interfaces can turn each into one stable answer."""

from typing import ClassVar


class DomainError(Exception):
    """Something a caller asked for was refused, and nothing was changed.

    code: stable snake_case identifier; clients may branch on it, so it never changes meaning.
    retryable: whether the very same request may succeed later without anything being changed.
    The message says what happened and what to do next, in words fit for the person who asked.
    """

    code: ClassVar[str] = "refused"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class CursorInvalid(DomainError):
    """No page of a list gave this cursor out; permanent."""

    code: ClassVar[str] = "cursor_invalid"

    def __init__(self) -> None:
        super().__init__("This list cannot be continued from here. Start at its first page.")
