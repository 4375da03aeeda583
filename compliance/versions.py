"""The policy's versions, the oldest first: each is the one before it with its changes, so what changed is what is written here.

A version is never edited once people were told of it; what changes next is a new one at the end. Its date is at least
`policy_change.NOTICE` after the day on which the release that brings it is deployed, or it takes effect on installations alone that
nobody has joined yet.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Final

from compliance.clauses import CLAUSES, Clause
from processors.register import NOT_OF_PEOPLE, Processor

# The clauses of the first version as they read where Twilio writes calls down.
_WRITTEN_DOWN_BY_TWILIO: Final = {
    "C1.4": (
        "While you use Klosesales we keep call logs, how long calls took, the text of calls made by Twilio's speech"
        " recognition, what is derived from it for search and insights, your questions and their answers, credits"
        " bought and spent, and activity in the product. You may enter names, companies, numbers and notes of people"
        " whom you call. No sound of a call is ever stored."
    ),
    "C4.2-3": (
        "Twilio receives telephone numbers, to send passcodes by text message and to carry calls, whose sound passes through it,"
        " and has what is said in calls turned into text by a provider of speech recognition that it uses. If you call in the"
        " browser, it connects to Twilio itself, which then knows its network address, which browser it is, and a number that"
        " stands for you and your workspace and names neither. Paddle, as merchant of record, receives what a purchase needs, and"
        " in its own window your network address, which browser it is, and what you type. Their own privacy policies apply."
    ),
}


@dataclass(frozen=True, slots=True)
class NewPurpose:
    """A use of data that no version before named: everybody is asked for it, and a no is as good as a yes.

    key: of the consent that is recorded; 2 to 16 small letters and _. words: what is agreed to. if_no: what follows from a no.
    """

    key: str
    title: str
    words: str
    if_no: str


@dataclass(frozen=True, slots=True)
class Version:
    """One wording of the policy.

    effective_on: in force from the beginning of this day, UTC. summary: what changes, in a sentence or two; "" for the first.
    where_twilio_writes: wordings of clauses for installations on which Twilio writes calls down, by clause.
    receives: who may receive which classes of data under it, by key of the register of processors.
    """

    name: str
    effective_on: date
    summary: str
    clauses: tuple[Clause, ...]
    receives: Mapping[str, frozenset[str]]
    purposes: tuple[NewPurpose, ...] = ()
    where_twilio_writes: Mapping[str, str] = field(default_factory=dict)

    @property
    def effective_at(self) -> datetime:
        return datetime.combine(self.effective_on, time(), UTC)


def changed(
    before: Version,
    *,
    name: str,
    effective_on: date,
    summary: str,
    texts: Mapping[str, str] | None = None,
    added: Iterable[Clause] = (),
    removed: Iterable[str] = (),
    purposes: Iterable[NewPurpose] = (),
    receives: Mapping[str, Iterable[str]] | None = None,
    where_twilio_writes: Mapping[str, str] | None = None,
) -> Version:
    """The next version. texts: new wordings by clause; added: new clauses, each put at the end of its section; receives: for
    the processors that are new or receive something else, all that they receive from then on.

    Raises ValueError for a clause that is not there, is there already, or whose other wording was forgotten. A version that lets Twilio
    receive speech reads alike everywhere, so it words those clauses itself.
    """
    texts, gone = texts or {}, set(removed)
    elsewhere = {key: text for key, text in before.where_twilio_writes.items() if key not in gone}
    received = {**before.receives, **{key: frozenset(classes) for key, classes in (receives or {}).items()}}
    if "speech" in received.get("twilio", ()):
        if unsaid := set(elsewhere) - set(texts):
            raise ValueError(f"{name} lets Twilio receive speech, which {sorted(unsaid)} have to say everywhere.")
        elsewhere = {}
    known = {clause.id for clause in before.clauses}
    if unknown := (set(texts) | gone) - known:
        raise ValueError(f"{name} changes clauses that {before.name} does not have: {sorted(unknown)}.")
    if forgotten := set(texts) & set(elsewhere) - set(where_twilio_writes or {}):
        raise ValueError(f"{name} has to say how {sorted(forgotten)} read where Twilio writes calls down.")
    clauses = [replace(each, text=texts.get(each.id, each.text)) for each in before.clauses if each.id not in gone]
    for clause in added:
        if clause.id in known:
            raise ValueError(f"{name} adds {clause.id}, which {before.name} has or had.")
        clauses.append(clause)
    return Version(
        name=name,
        effective_on=effective_on,
        summary=summary,
        clauses=tuple(sorted(clauses, key=lambda clause: clause.section)),
        receives=received,
        purposes=tuple(purposes),
        where_twilio_writes={**elsewhere, **(where_twilio_writes or {})},
    )


FIRST: Final = Version(
    name="2026-1",
    effective_on=date(2026, 1, 1),
    summary="",
    clauses=CLAUSES,
    # Spelled out rather than read from the register: what the register adds to this needs a version of its own.
    receives={
        "twilio": frozenset(
            {
                "sound",
                "network_address",
                "browser",
                "caller_reference",
                "mobile",
                "phone",
                "one_time_code",
                "call_control",
                "call_reference",
                "record_reference",
                "webhook_address",
            }
        ),
        "paddle": frozenset(
            {
                "network_address",
                "browser",
                "payment_details",
                "email",
                "money",
                "payment_reference",
                "webhook_address",
                "workspace_reference",
            }
        ),
        "google": frozenset({"network_address", "browser", "sign_in", "webhook_address"}),
        "meta": frozenset({"network_address", "browser", "sign_in", "webhook_address"}),
        "customer": frozenset({"event", "record_reference", "call_figures", "balance"}),
        "time4vps": frozenset(),
        "authorities": frozenset(),
    },
    where_twilio_writes=_WRITTEN_DOWN_BY_TWILIO,
)
VERSIONS: Final[tuple[Version, ...]] = (FIRST,)


def clauses_of(versions: Iterable[Version]) -> dict[str, Clause]:
    """Every clause that one of them has, by id, as the last that has it words it."""
    return {clause.id: clause for version in versions for clause in version.clauses}


# What is to be proved: what a later version left out binds whoever has accepted an earlier one.
CLAUSES_OF_ALL: Final = clauses_of(VERSIONS)


def unannounced(*, processors: Iterable[Processor], version: Version) -> list[str]:
    """What the register lets a processor receive and the version does not name, each as a sentence to act on."""
    found = []
    for processor in processors:
        sent = {each for base in processor.bases for one in base.endpoints for each in one.fields.values()}
        named = version.receives.get(processor.key)
        if named is None:
            found.append(
                f"{processor.key} is in no version of the policy: add one to compliance/versions.py that names it."
            )
            continue
        found.extend(
            f"{processor.key} receives {data_class}, which {version.name} does not name: add a version that does."
            for data_class in sorted({*sent, *processor.receives, *processor.directly} - NOT_OF_PEOPLE - named)
        )
    return found
