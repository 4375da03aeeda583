"""Who came from where: recording it, and refusing those who try too often."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.db.models import Q

from identity import devices
from identity.models import AccessEvent, User
from identity.number_lock import line_up
from processors.errors import DomainError
from processors.pseudonyms import pseudonym

FAILURES_WINDOW = timedelta(minutes=15)
# Of one network, or of one browser that is known.
FAILURES_PER_ACCOUNT_MAX = 10
# Of all that are not known together: more than a stranger at one place has, or anybody could keep an account shut. And of all that
# are known together, or whoever has come in once could go on guessing the password with one mark after another.
FAILURES_PER_ACCOUNT_ANYWHERE_MAX = 30
FAILURES_PER_NETWORK_MAX = 50
# So many refusals of a kind and network are written down in an hour; whoever asks on would fill the table with nothing new.
REFUSALS_WINDOW = timedelta(hours=1)
REFUSALS_NOTED_MAX = 100
SIGN_UPS_WINDOW = timedelta(hours=1)
SIGN_UPS_PER_NETWORK_MAX = 20
RESETS_WINDOW = timedelta(hours=1)
RESETS_PER_ACCOUNT_MAX = 3
RESETS_PER_NETWORK_MAX = 20


class SignInThrottled(DomainError):
    """Too many wrong passwords for one account or from one network; passes with time."""

    code: ClassVar[str] = "sign_in_throttled"
    retryable: ClassVar[bool] = True


class SignUpThrottled(DomainError):
    """Too many sign-ups from one network; passes with time."""

    code: ClassVar[str] = "sign_up_throttled"
    retryable: ClassVar[bool] = True


class ResetThrottled(DomainError):
    """Too many links to a new password were asked for, for one e-mail or from one network; passes with time."""

    code: ClassVar[str] = "reset_throttled"
    retryable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Client:
    """The other end of a connection.

    address: IPv4 or IPv6 text, or None when unknown; agent: at most 200 characters. device: what the browser shows of having been
    here before (identity.devices), which anybody may have made up.
    """

    address: str | None
    agent: str
    device: str = ""

    @property
    def network(self) -> str:
        """The address for IPv4, its /64 for IPv6, "" when unknown."""
        if self.address is None:
            return ""
        parsed = ipaddress.ip_address(self.address)
        if isinstance(parsed, ipaddress.IPv6Address):
            return str(ipaddress.IPv6Network((parsed, 64), strict=False).network_address)
        return self.address


def record(*, kind: str, client: Client, now: datetime, user: User | None = None, email: str = "") -> AccessEvent:
    return AccessEvent.objects.create(
        at=now,
        kind=kind,
        user=user,
        account_key=pseudonym("email", email) if email else "",
        address=client.address,
        network=client.network,
        agent=client.agent,
        device_key=devices.key_of(shown=client.device, email=email) if email else "",
    )


def note_refusal(*, kind: str, client: Client, now: datetime, user_id: UUID | None = None) -> None:
    """Writes down that something was refused to somebody, for a bounded number in an hour."""
    lately = AccessEvent.objects.filter(kind=kind, network=client.network, at__gt=now - REFUSALS_WINDOW)
    if lately.count() < REFUSALS_NOTED_MAX:
        AccessEvent.objects.create(
            at=now, kind=kind, user_id=user_id, address=client.address, network=client.network, agent=client.agent
        )


def refuse_guessing(*, email: str, client: Client, now: datetime) -> None:
    """To be asked after the attempt was recorded. Raises SignInThrottled. Unknown e-mails are counted like known ones, so the
    answer tells nothing. Browsers in which the account came in before count apart, each by itself and all together: no stranger
    uses that up.
    """
    failures = AccessEvent.objects.filter(kind=AccessEvent.SIGN_IN_FAILED, at__gt=now - FAILURES_WINDOW)
    device_key = devices.key_of(shown=client.device, email=email)
    of_all = failures.filter(account_key=pseudonym("email", email))
    of_account = of_all.filter(device_key=device_key)
    if device_key:
        of_known = of_all.exclude(device_key="").count()
        too_many = of_account.count() > FAILURES_PER_ACCOUNT_MAX or of_known > FAILURES_PER_ACCOUNT_ANYWHERE_MAX
    else:
        of_network = failures.filter(~Q(network=""), network=client.network).count()
        too_many = (
            of_account.filter(network=client.network).count() > FAILURES_PER_ACCOUNT_MAX
            or of_account.count() > FAILURES_PER_ACCOUNT_ANYWHERE_MAX
            or of_network > FAILURES_PER_NETWORK_MAX
        )
    if too_many:
        raise SignInThrottled(
            "Too many attempts to sign in. Wait 15 minutes, then try again. If it is urgent, ask for a new password: its link works "
            "at once."
        )


def refuse_mass_sign_up(*, client: Client, now: datetime) -> None:
    """To be asked in the transaction that records the event: those of a network come one after the other. Before it too, where what comes
    between is dear. Raises SignUpThrottled."""
    if client.network:
        line_up(f"sign-up:{client.network}")
    sign_ups = AccessEvent.objects.filter(kind=AccessEvent.SIGN_UP, at__gt=now - SIGN_UPS_WINDOW)
    if sign_ups.filter(~Q(network=""), network=client.network).count() >= SIGN_UPS_PER_NETWORK_MAX:
        raise SignUpThrottled("Too many sign-ups from your network. Wait an hour, then try again.")


def refuse_mass_resets(*, email: str, client: Client, now: datetime) -> None:
    """To be asked in the transaction that records the event, before it: those of an account or a network come one after the other. Raises
    ResetThrottled, for unknown e-mails alike."""
    account_key = pseudonym("email", email)
    line_up(f"reset:{account_key}", f"reset:{client.network}")
    asked = AccessEvent.objects.filter(kind=AccessEvent.RESET_ASKED, at__gt=now - RESETS_WINDOW)
    of_account = asked.filter(account_key=account_key).count()
    of_network = asked.filter(~Q(network=""), network=client.network).count()
    if of_account >= RESETS_PER_ACCOUNT_MAX or of_network >= RESETS_PER_NETWORK_MAX:
        raise ResetThrottled(
            "Too many links were asked for. Wait an hour, then try again. Look into your spam folder too."
        )
