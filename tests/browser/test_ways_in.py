"""A session that ends in another tab, a forgotten password, and an invitation.

Planted bug that the first catches: leaving for the sign-in page at every drawing, each time with the address before it as the
way back, grows the address until the tab dies.
"""

import re
from collections.abc import Callable

import httpx
import psycopg
from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in
from tests.browser.limits import bounds_the_team, in_sight

TABBED = Person(first_name="Tess", last_name="Tabbed", email="tess@tabs.example", mobile="+12025550155")
FORGETFUL = Person(first_name="Fay", last_name="Forgetful", email="fay@forgets.example", mobile="+12025550149")
BOSS = Person(first_name="Olive", last_name="Owner", email="olive@team.example", mobile="+12025550151")
QUIET = Person(first_name="Quinn", last_name="Quiet", email="quinn@quiet.example", mobile="+12025550153")
KEEPER = Person(first_name="Kim", last_name="Keeper", email="kim@keys.example", mobile="+12025550154")
MOVER = Person(first_name="Mo", last_name="Mover", email="mo@mover.example", mobile="+12025550156")
NEW_MOBILE = "+12125550157"
INVITED = Person(first_name="Ivo", last_name="Invited", email="ivo@team.example", mobile="+12025550152")
OTHER = Person(first_name="Otto", last_name="Other", email="otto@other.example", mobile="+12125550159")
NEW_PASSWORD = "quiet lantern river"


def test_a_tab_whose_session_ends_elsewhere_asks_to_sign_in_and_comes_back(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(TABBED)
    page = new_page()
    signed_in(page, stack, rep)
    page.goto("/leads")
    expect(page.get_by_role("heading", name="Leads")).to_be_visible()
    other = page.context.new_page()
    # The way out is on every page: in the menu, and at the top where the menu has no room.
    for path, width in (("/privacy", 1280), ("/settings", 1280), ("/calls", 390), ("/credits", 390)):
        other.set_viewport_size({"width": width, "height": 844})
        other.goto(path)
        expect(other.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    look(other, "sign-out-390-light")
    other.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.url == f"{stack.url}/sign-in?next=%2Fleads"
    page.get_by_label("E-mail").fill(TABBED.email)
    page.get_by_label("Password", exact=False).first.fill(TABBED.password)
    page.get_by_role("button", name="Sign in").dblclick()
    expect(page.get_by_role("heading", name="Enter the code")).to_be_visible()
    page.get_by_text("How safe is a code by text message?").click()
    expect(page.get_by_text("Ask your phone company for a PIN")).to_be_visible()
    look(page, "text-risk-1280-light")
    page.get_by_label("Code").fill(control.newest_code(TABBED.mobile))
    page.get_by_role("button", name="Verify").dblclick()
    expect(page).to_have_url(re.compile("/leads$"))
    rep.close()


def test_a_forgotten_password_is_replaced_by_the_link_in_the_mail_and_changed_again_in_the_settings(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(FORGETFUL)
    page = new_page(width=390, scheme="dark")
    page.goto("/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    look(page, "forgot-password-390-dark")
    page.get_by_label("E-mail").fill(FORGETFUL.email)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("a link is on its way")
    look(page, "forgot-password-asked-390-dark")
    link = control.wait_for(lambda: control.links_to(FORGETFUL.email, "/new-password#"), limit_s=20)[0]
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
    page.goto(link)
    field = page.get_by_role("textbox", name="New password")
    expect(field).to_be_focused()
    expect(page).to_have_url(f"{stack.url}/new-password")
    field.fill("password1234")
    page.keyboard.press("Enter")
    expect(page.get_by_text("too common")).to_be_visible()
    look(page, "new-password-1280-light")
    field.fill(NEW_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your password is changed")).to_be_visible()
    look(page, "new-password-done-1280-light")
    assert rep.ask("GET", "/api/sessions").status_code == 401
    page.goto(link)
    # Before anybody thinks of another password.
    expect(page.get_by_role("heading", name="This link cannot be used")).to_be_visible()
    expect(page.get_by_role("link", name="Ask for a new link")).to_be_visible()
    look(page, "new-password-used-1280-light")

    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(FORGETFUL.email)
    page.get_by_label("Password", exact=False).first.fill(NEW_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Enter the code")).to_be_visible()
    page.get_by_label("Code").fill(control.newest_code(FORGETFUL.mobile))
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("navigation").first).to_be_visible()
    page.goto("/settings")
    present, chosen = (page.get_by_role("textbox", name=f"{which} password") for which in ("Present", "New"))
    present.fill("not this one")
    chosen.fill(FORGETFUL.password)
    chosen.press("Enter")
    expect(page.get_by_text("not your present password")).to_be_visible()
    present.fill(NEW_PASSWORD)
    chosen.press("Enter")
    expect(page.get_by_text("all other browsers are signed out")).to_be_visible()
    look(page, "settings-1280-light")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    look(page, "settings-390-dark")
    rep.close()
    # The refusals that were wanted.
    assert [each for each in complaints if "status of 4" not in each] == []


def test_a_colleague_is_invited_joins_and_is_removed(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    boss = Rep(stack.url, stack.sandbox_url)
    boss.sign_up(BOSS)
    boss.confirm_email(BOSS.email)
    team = new_page()
    signed_in(team, stack, boss)
    team.goto("/team")
    expect(team.get_by_text("You are alone here")).to_be_visible()
    look(team, "team-alone-1280-light")
    team.get_by_label("E-mail").fill(INVITED.email)
    team.get_by_role("button", name="Send the invitation").click()
    expect(team.get_by_role("status").filter(has_text="on its way")).to_be_visible()
    look(team, "team-invited-1280-light")

    link = control.wait_for(lambda: control.links_to(INVITED.email, "/join#"), limit_s=20)[0]
    page = new_page(width=390, scheme="dark")
    other = Rep(stack.url, stack.sandbox_url)
    other.sign_up(OTHER)
    signed_in(page, stack, other)
    page.goto(link)
    expect(page.get_by_text(f"you are signed in as {OTHER.email}")).to_be_visible()
    look(page, "join-signed-in-390-dark")
    # The link need not be opened again.
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("Have an account with this address?")).to_be_visible()
    expect(page.get_by_role("heading", name="Join My workspace")).to_be_visible()
    expect(page).to_have_url(f"{stack.url}/join")
    expect(page.get_by_text("i•••@team.example")).to_be_visible()
    look(page, "join-390-dark")
    page.get_by_label("E-mail").fill(INVITED.email)
    page.get_by_label("First name").fill(INVITED.first_name)
    page.get_by_label("Last name").fill(INVITED.last_name)
    page.get_by_label("Mobile number").fill(INVITED.mobile)
    page.get_by_role("checkbox", name=re.compile("text message")).check()
    page.get_by_label("Password", exact=False).first.fill(INVITED.password)
    page.get_by_role("checkbox", name=re.compile("privacy policy")).check()
    page.get_by_role("checkbox", name=re.compile("servers in the European Union")).check()
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Enter the code")).to_be_visible()
    page.get_by_label("Code").fill(control.newest_code(INVITED.mobile))
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("navigation").first).to_be_visible()
    page.goto("/team")
    expect(page.get_by_text("Olive Owner")).to_be_visible()
    expect(page.get_by_text(BOSS.email)).not_to_be_visible()
    look(page, "team-rep-390-dark")

    team.reload()
    role = team.get_by_label("Role of Ivo Invited")
    role.select_option("manager")
    # The rights of the new role reach the page that is open already.
    expect(page.get_by_role("heading", name="Invite somebody")).to_be_visible(timeout=20_000)
    expect(team.get_by_role("row", name=re.compile("Olive Owner made Ivo Invited a manager"))).to_be_visible()
    for width, scheme in ((1280, "dark"), (390, "light")):
        team.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
        team.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        look(team, f"team-{width}-{scheme}")
        team.get_by_role("table").last.scroll_into_view_if_needed()
        look(team, f"team-activity-{width}-{scheme}")
    team.get_by_role("button", name="Change the limit of Ivo Invited").click()
    limit = team.get_by_role("dialog", name="What Ivo Invited may spend a month")
    limit.get_by_label("Limit, in credits").fill("a lot")
    expect(limit.get_by_text("Write a number, such as 50.")).to_be_visible()
    limit.get_by_label("Limit, in credits").fill("12,5")
    look(team, "team-limit-390-light")
    limit.get_by_role("button", name="Save").click()
    expect(team.get_by_role("row", name=re.compile("Ivo Invited 0 12.5"))).to_be_visible()
    in_sight(team, team.get_by_role("region", name="Spending this month"), look, "team-spending-390-light")
    bounds_the_team(team, look)
    team.get_by_role("button", name="Remove Ivo Invited").click()
    look(team, "team-remove-390-light")
    team.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(team.get_by_text("You are alone here")).to_be_visible()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=20_000)
    boss.close()
    assert [each for each in complaints if "status of 4" not in each] == []


def test_who_stops_text_messages_is_out_and_comes_back_by_agreeing_again(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(QUIET)
    page, other = new_page(), new_page(width=390, scheme="dark")
    for each in (page, other):
        signed_in(each, stack, rep)
    other.goto("/leads")
    page.goto("/privacy")
    page.get_by_role("button", name="Stop text messages").click()
    dialog = page.get_by_role("dialog", name="Stop text messages?")
    expect(dialog).to_contain_text("cannot sign in until you agree again")
    expect(dialog).to_contain_text("0 credits of My workspace")
    look(page, "stop-texts-1280-light")
    dialog.get_by_role("button", name="Stop text messages").click()
    expect(page.get_by_role("heading", name="Text messages are stopped")).to_be_visible()
    look(page, "texts-stopped-1280-light")
    # The page in another window learns it by its socket.
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible(timeout=5_000)

    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("E-mail").fill(QUIET.email)
    page.get_by_label("Password", exact=False).first.fill(QUIET.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("You have stopped text messages, and signing in needs one.")).to_be_visible()
    box = page.get_by_role("checkbox", name=re.compile("Message and data rates may apply"))
    expect(box).not_to_be_checked()
    agree = page.get_by_role("button", name="Agree and send a code")
    expect(agree).to_be_disabled()
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    look(page, "allow-texts-390-dark")
    box.check()
    agree.click()
    # The page asks for the code while it is still being sent.
    expect(page.get_by_text(re.compile("We sent a code to"))).to_be_visible()
    page.get_by_label("Code").fill(control.newest_code(QUIET.mobile))
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("navigation").first).to_be_visible()

    control.sandbox("POST", f"/sandbox/api/phones/{QUIET.mobile}/texts", {"body": "STOP"})
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=5_000)
    rep.close()
    # The refusals that were wanted.
    assert [each for each in complaints if "status of 4" not in each] == []


def test_an_owner_makes_a_key_for_a_program_and_revokes_it(
    stack: Stack, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(KEEPER)
    page = new_page()
    signed_in(page, stack, rep)
    page.goto("/settings")
    panel = page.get_by_role("region", name="API keys")
    expect(panel).to_contain_text("No key yet")
    panel.get_by_role("button", name="New key").press("Enter")
    form = panel.get_by_role("form", name="New key")
    expect(form.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.type("Our CRM")
    make = form.get_by_role("button", name="Make the key")
    expect(make).to_be_disabled()
    form.get_by_label("Read leads").check()
    in_sight(page, panel, look, "key-form-1280-light")
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        connection.execute("UPDATE identity_session SET phone_verified_at = phone_verified_at - interval '1 hour'")
    make.click()
    proof = page.get_by_role("dialog", name="Is it you?")
    expect(proof.get_by_label("Your password")).to_be_focused()
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(proof).to_contain_text("This is not your present password")
    look(page, "prove-again-1280-light")
    proof.get_by_label("Your password").fill(KEEPER.password)
    page.keyboard.press("Enter")
    expect(proof).to_be_hidden()
    shown = panel.get_by_role("textbox", name="The key")
    key = shown.input_value()
    assert httpx.get(f"{stack.url}/api/leads", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    in_sight(page, panel, look, "key-shown-1280-light")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.reload()
    expect(panel).to_contain_text(f"…{key[-4:]}")
    assert key not in page.content()
    in_sight(page, panel, look, "keys-390-dark")
    panel.get_by_role("button", name="Revoke Our CRM").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(panel).to_contain_text("No key yet")
    assert httpx.get(f"{stack.url}/api/leads", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    rep.close()
    # The browser says so of each refusal: the key before the proof, and the wrong password.
    assert [one for one in complaints if " 403 " not in one and " 422 " not in one] == []


def test_a_new_phone_takes_the_place_of_the_old_one(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(MOVER)
    page = new_page()
    signed_in(page, stack, rep)
    page.goto("/settings")
    panel = page.get_by_role("region", name="Mobile number")
    panel.get_by_label("New mobile number").fill("12")
    change = panel.get_by_role("button", name="Change the number")
    expect(change).to_be_disabled()
    panel.get_by_role("checkbox", name=re.compile("Message and data rates may apply")).check()
    panel.get_by_label("Your password").fill(MOVER.password)
    change.click()
    expect(panel.get_by_text("Give the mobile number with its country code")).to_be_visible()
    panel.get_by_label("New mobile number").fill(NEW_MOBILE)
    in_sight(page, panel, look, "mobile-1280-light")
    change.click()
    field = panel.get_by_label("Code of the present phone")
    expect(field).to_be_focused()
    in_sight(page, panel, look, "mobile-old-1280-light")
    field.fill(control.newest_code(MOVER.mobile))
    panel.get_by_role("button", name="Verify").click()
    field = panel.get_by_label("Code of the new phone")
    expect(field).to_be_focused()
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    in_sight(page, panel, look, "mobile-new-390-dark")
    field.fill(control.newest_code(NEW_MOBILE))
    panel.get_by_role("button", name="Verify").click()
    expect(panel.get_by_role("status")).to_contain_text(f"Your number is {NEW_MOBILE} now")
    rep.close()
    # The refusals that were wanted.
    assert [each for each in complaints if "status of 4" not in each] == []
