"""What is kept for a term is gone after it, and nothing before."""

from datetime import UTC, datetime, timedelta

import pytest

from compliance.retention import expire
from identity.models import AccessEvent, OtpAttempt, Session, User
from tests.identity.conftest import MakeAccount, SignIn


@pytest.mark.policy("C1.5", "C6.1")
def test_sessions_passcodes_and_traces_of_access_expire_each_at_its_term(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    member = make_account()
    sign_in(member)
    now = datetime.now(UTC)
    kinds = (Session, OtpAttempt, AccessEvent)

    def left() -> list[bool]:
        return [kind._base_manager.exists() for kind in kinds]

    assert expire(now=now + timedelta(days=3)).total() == 0
    assert left() == [True, True, True]
    expire(now=now + timedelta(days=15))
    assert left() == [False, True, True]
    expire(now=now + timedelta(days=91))
    assert left() == [False, False, True]
    expire(now=now + timedelta(days=366))
    assert left() == [False, False, False]
    assert User.objects.get() == member.user
