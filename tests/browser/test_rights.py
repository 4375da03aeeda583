"""A nominee is named, asks by the mailed link and is granted a copy by two of us; a name is put right; a review is noted; a
consent that is taken back is told of on every page; and whoever deletes the account proves first who it is."""

from collections.abc import Callable

import psycopg
from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in
from tests.browser.test_desk import at_desk, press, seen

IDA = Person(first_name="Ida", last_name="Named", email="ida@named.example", mobile="+12025550161")
MIA = "mia@nominee.example"
DANA = Person(first_name="Dana", last_name="Doubts", email="dana@doubts.example", mobile="+12025550162")


def test_a_nominee_asks_and_two_of_us_decide_and_a_review_is_noted(
    stack: Stack, new_page: Callable[..., Page], look: Look, complaints: list[str], control: Rep
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(IDA)
    own = new_page()
    signed_in(own, stack, rep)
    own.goto("/privacy")
    panel = own.get_by_role("region", name="Who acts for you")
    panel.get_by_role("textbox", name="Their name").fill("Mia Named")
    panel.get_by_role("textbox", name="Their e-mail address").fill(MIA)
    expect(panel.get_by_role("button", name="Name this person")).to_be_disabled()
    panel.get_by_role("checkbox").check()
    panel.get_by_role("button", name="Name this person").click()
    expect(panel.get_by_text("Mia Named")).to_be_visible()
    panel.scroll_into_view_if_needed()
    seen(own, look, "privacy-nominee")
    own.goto("/settings")
    own.get_by_label("Last name").fill("Named-Berg")
    own.get_by_role("region", name="Your name").get_by_role("button", name="Keep").click()
    expect(own.get_by_text("Your colleagues read it")).to_be_visible()
    seen(own, look, "settings-name", wide=False)

    mia = new_page()
    mia.goto(control.wait_for(lambda: control.links_to(MIA, "/nominee#"), limit_s=20)[-1])
    expect(mia.get_by_role("heading", name="You were named")).to_be_visible()
    seen(mia, look, "nominee-named", wide=False)
    mia.goto("/nominee")
    mia.get_by_label("Your e-mail address").fill(MIA)
    mia.get_by_label("Their e-mail address").fill(IDA.email)
    mia.get_by_label("What has happened").fill("She died on Tuesday. I have the certificate of the registry.")
    seen(mia, look, "nominee-ask")
    mia.get_by_role("button", name="Send").click()
    expect(mia.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
    link = control.wait_for(lambda: control.links_to(MIA, "/nominee#")[1:], limit_s=20)[-1]
    mia.goto(link)
    mia.get_by_role("button", name="Yes, I ask").click()
    expect(mia.get_by_role("heading", name="We have your request")).to_be_visible()
    mia.goto(link)
    expect(mia.get_by_role("heading", name="This link cannot be used")).to_be_visible()
    mia.get_by_role("link", name="Ask again").click()
    expect(mia.get_by_role("heading", name="Act for somebody who named you")).to_be_visible()

    pia, ada = new_page(), new_page()
    for page, name, role in ((pia, "Petra", "privacy_officer"), (ada, "Anna", "admin")):
        at_desk(page, stack, name, role)
    pia.goto("/staff/cases")
    pia.get_by_role("row").filter(has_text="Nominee").get_by_role("link").click()
    expect(pia.get_by_text("the link that we mailed to the nominee")).to_be_visible()
    press(pia, "o")
    pia.get_by_label("What showed that the person died").fill(
        "A certificate of the registry, shown by video and checked."
    )
    pia.get_by_label("A copy of the data").check()
    seen(pia, look, "desk-nominee-judged", wide=False)
    pia.get_by_role("button", name="Prepare it for a second person").click()
    expect(pia.get_by_text("it is not yours to approve")).to_be_visible()
    ada.goto(pia.url)
    expect(ada.get_by_role("button", name="Approve this")).to_be_visible()
    seen(ada, look, "desk-nominee-second-person")
    ada.get_by_role("button", name="Approve this").press("Enter")
    expect(ada.get_by_text("The link to the copy is good until")).to_be_visible()
    expect(ada.get_by_role("button", name="Withdraw the link")).to_be_visible()
    seen(ada, look, "desk-nominee-granted")
    mia.goto(control.wait_for(lambda: control.links_to(MIA, "/nominee#")[2:], limit_s=20)[-1])
    with mia.expect_download() as download:
        mia.get_by_role("button", name="Download it").click()
    assert IDA.email in download.value.path().read_text()
    expect(mia.get_by_role("heading", name="The copy was downloaded")).to_be_visible()

    ada.goto("/staff/reviews")
    expect(ada.get_by_text("Never yet").first).to_be_visible()
    seen(ada, look, "desk-reviews-empty", small=False)
    press(ada, "n")
    ada.get_by_label("What you found").fill("One account of somebody who left.")
    ada.get_by_label("What is to be done").fill("Disable it.\nAsk who else left.")
    ada.get_by_role("button", name="Keep this review").click()
    ada.get_by_role("button", name="Done: Disable it.").click()
    seen(ada, look, "desk-reviews")
    ada.get_by_label("How it was done").fill("Disabled on the People page.")
    ada.get_by_role("button", name="Keep", exact=True).click()
    expect(ada.get_by_text("Done: Disable it.")).to_have_count(0)
    rep.close()
    # That the link was used is an answer of 410.
    assert [each for each in complaints if "status of 410" not in each] == []


def test_a_consent_and_a_deletion_can_be_taken_back_and_deleting_asks_for_the_password(
    stack: Stack, new_page: Callable[..., Page], look: Look, complaints: list[str], control: Rep
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(DANA)
    own = new_page()
    signed_in(own, stack, rep)
    own.goto("/privacy")
    allowed = own.get_by_role("region", name="What you may allow us")
    allowed.get_by_role("button", name="Take back").click()
    expect(own.get_by_text("Calling and asking are off")).to_be_visible()
    expect(own.get_by_text("A consent taken back")).to_be_visible()
    seen(own, look, "privacy-taken-back")
    own.goto("/credits/checkout")
    expect(own.get_by_text("You cannot use credits now")).to_be_visible()
    own.get_by_role("link", name="Privacy centre").click()
    allowed.get_by_role("button", name="Allow").click()
    expect(own.get_by_text("Given again")).to_be_visible()
    expect(own.get_by_text("Calling and asking are off")).to_have_count(0)
    panel = own.get_by_role("region", name="Delete my account")
    panel.get_by_label("to confirm").fill(DANA.email)
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        connection.execute("UPDATE identity_session SET phone_verified_at = phone_verified_at - interval '1 hour'")
    panel.get_by_role("button", name="Delete my account").click()
    proof = own.get_by_role("dialog", name="Is it you?")
    expect(proof.get_by_label("Your password")).to_be_focused()
    own.keyboard.type(DANA.password)
    own.keyboard.press("Enter")
    expect(panel.get_by_text("Your account is deleted on")).to_be_visible()
    seen(own, look, "privacy-deletion-waits")
    receipt = panel.get_by_role("link", name="receipt").get_attribute("href")
    assert receipt
    control.wait_for(lambda: control.links_to(DANA.email, receipt), limit_s=20)
    panel.get_by_role("button", name="Keep my account").click()
    expect(panel.get_by_role("button", name="Delete my account")).to_be_visible()
    rep.close()
    # That the proof was wanted is an answer of 403.
    assert [each for each in complaints if "status of 403" not in each] == []
