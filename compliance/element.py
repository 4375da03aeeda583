"""What is said of each kind of personal data."""

from dataclasses import dataclass
from typing import Literal

Basis = Literal["contract", "consent", "legitimate interest", "legal obligation", "none"]


@dataclass(frozen=True, slots=True)
class Element:
    """One kind of data.

    retention_days: the term, from the moment that the rule of compliance/retention.py names; None as long as the account or
    workspace is active. retention: the same in words.
    stays: why something of it is left after an erasure; "" when nothing is.
    recipients: keys of processors.register.PROCESSORS.
    """

    key: str
    title: str
    source: str
    purpose: str
    basis: Basis
    retention_days: int | None
    retention: str
    erasure: str
    recipients: tuple[str, ...] = ()
    stays: str = ""
