"""Joining a workspace by a mailed invitation with Google or Facebook instead of a password."""

from datetime import UTC, datetime, timedelta

import pytest

from identity.models import Invitation, Membership, SocialIdentity, User
from tests.identity.browser import Browser, code_of
from tests.identity.social import agree, come_back, meet, prove_phone, rest, sign_up
from tests.identity.teams import NEW, Mails, invite, mails, names, owner, page, token_in
from tests.sandbox_fixture import Sandbox

__all__ = ["mails", "owner", "page"]

NIA = {"first_name": "Nia", "email": NEW}


@pytest.fixture
def token(page: Browser, mails: Mails) -> str:
    invite(page)
    return token_in(mails()[0])


@pytest.fixture
def nias() -> Browser:
    return Browser("203.0.113.8")


def follow(browser: Browser, token: str, provider: str, person: str) -> tuple[str, dict[str, str]]:
    """Presses the provider's button on the page of the invitation, agrees there, comes back."""
    form = {"provider": provider, "intent": "sign_up", "invitation": token}
    status, answer = browser.post("/api/social/begin", form)
    assert status == 200, answer
    return come_back(browser, agree(answer["url"], person))


@pytest.mark.parametrize("provider", ["google", "facebook"])
def test_who_is_invited_joins_with_a_provider_once_the_phone_is_proved(
    page: Browser, owner: Membership, token: str, nias: Browser, sandbox: Sandbox, provider: str
) -> None:
    """Of Facebook the address is typed, which has to be the invited one as in any sign-up. Red when the invitation gets lost on the
    way, when it makes a member before the passcode, or when another typed address is taken."""
    assert follow(nias, token, provider, meet(sandbox, provider, **NIA))[0] == "/sign-up/finish"
    if provider == "facebook":
        status, problem = nias.post("/api/social/sign-up", rest(email="eve@example.com", mobile="+12025550133"))
        assert (status, code_of(problem)) == (403, "invitation_of_another")
    filled = rest(first_name="Nia", email=NEW, mobile="+12025550133")
    assert nias.post("/api/social/sign-up", filled)[0] == 200
    assert names(page) == [("Ada", "owner")]
    prove_phone(nias, sandbox, "+12025550133")
    session = nias.get("/api/session")[1]
    assert (session["workspace"]["id"], session["role"]) == (str(owner.workspace_id), "rep")
    assert names(page) == [("Ada", "owner"), ("Nia", "rep")]
    assert Membership.objects.filter(user__email=NEW).count() == 1
    assert User.objects.get(email=NEW).email_verified_at is not None


def test_who_signs_in_with_google_already_joins_by_the_same_button(
    page: Browser, token: str, nias: Browser, sandbox: Sandbox
) -> None:
    person = meet(sandbox, "google", **NIA)
    sign_up(nias, sandbox, "google", person, first_name="Nia", mobile="+12025550133")
    nias.post("/api/signout")
    assert follow(nias, token, "google", person) == ("/verify", {"send": "true"})
    assert names(page) == [("Ada", "owner")]
    prove_phone(nias, sandbox, "+12025550133")
    assert nias.get("/api/session")[1]["role"] == "rep"
    assert [each["name"] for each in nias.get("/api/workspaces")[1]["items"]] == ["Harbour Sales", "My workspace"]


def test_an_address_that_google_has_proved_and_that_was_not_invited_joins_and_stores_nothing(
    page: Browser, token: str, nias: Browser, sandbox: Sandbox
) -> None:
    """Neither as a new account nor as one that there is. Red when the link alone lets in."""
    person = meet(sandbox, "google", first_name="Eve", email="eve@example.com")
    refused = ("/join", {"refused": "invitation_of_another", "by": "google"})
    assert follow(nias, token, "google", person) == refused
    assert nias.get("/api/social/sign-up")[0] == 404
    sign_up(nias, sandbox, "google", person, first_name="Eve", mobile="+12025550133")
    nias.post("/api/signout")
    assert follow(nias, token, "google", person) == refused
    assert nias.get("/api/session")[1]["state"] == "anonymous"
    assert names(page) == [("Ada", "owner")]


def test_an_invitation_that_ends_on_the_way_makes_no_account(token: str, nias: Browser, sandbox: Sandbox) -> None:
    """Red when only the beginning asks whether it is open."""
    person, ended = meet(sandbox, "google", **NIA), Invitation.objects.get_queryset()
    form = {"provider": "google", "intent": "sign_up", "invitation": token}
    assert code_of(nias.post("/api/social/begin", {**form, "invitation": f"{token}x"})[1]) == "invitation_invalid"
    other = Browser("203.0.113.9")
    assert follow(other, token, "google", person)[0] == "/sign-up/finish"
    address = agree(nias.post("/api/social/begin", form)[1]["url"], person)
    ended.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert come_back(nias, address) == ("/join", {"refused": "invitation_invalid", "by": "google"})
    assert code_of(other.post("/api/social/sign-up", rest(mobile="+12025550133"))[1]) == "invitation_invalid"
    assert not User.objects.filter(email=NEW).exists() and not SocialIdentity.objects.exists()


def test_who_does_not_agree_at_the_provider_is_back_at_the_invitation(token: str, nias: Browser) -> None:
    """Red when it leads to a sign-up that joins nothing."""
    nias.post("/api/social/begin", {"provider": "google", "intent": "sign_up", "invitation": token})
    answer = come_back(nias, "/social/google/return", error="access_denied")
    assert answer == ("/join", {"refused": "social_cancelled", "by": "google"})
