"""A rep calls in the browser: Twilio's real Voice SDK in Chromium, with a microphone that beeps and a second tab at the far end.

Planted bugs that this catches: a dial token that the page does not hand on (the carrier turns it away), no time-out of the page's
own (it waits for ever), a mute that only the page shows, a lead who is offered to call again after a click that said never.
"""

import re
import uuid
from collections.abc import Callable

from playwright.sync_api import Dialog, Locator, Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in
from tests.browser.signalling import Signalling

TALKER = Person(first_name="Theo", last_name="Talker", email="theo@softphone.example", mobile="+12025550157")
# The sandbox's phone of this ending talks until somebody hangs up; she says over and over that she wants no calls.
LEAD = {"first_name": "Petra", "last_name": "Patient", "phone": "+13125550189"}
# A machine answers at this one.
AWAY = {"first_name": "Anton", "last_name": "Away", "phone": "+13125550184"}
ENERGY = """async () => {
  const all = [...(await window.peer.getStats()).values()];
  return all.find((one) => one.type === "inbound-rtp").totalAudioEnergy;
}"""
NO_MICROPHONE = """navigator.mediaDevices.getUserMedia = () =>
  Promise.reject(new DOMException("Permission denied", "NotAllowedError"));"""
TONES = """window.tones = [];
const insert = RTCDTMFSender.prototype.insertDTMF;
RTCDTMFSender.prototype.insertDTMF = function (tones, ...more) {
  window.tones.push(tones);
  return insert.call(this, tones, ...more);
};"""


def test_a_rep_calls_in_the_browser(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(TALKER)
    rep.buy(rep.call("GET", "/api/credits/packs")[0]["price_id"])
    lead, away = (rep.call("POST", "/api/leads", each, expect=201)["id"] for each in (LEAD, AWAY))
    control.sandbox("POST", f"/sandbox/api/phones/{LEAD['phone']}", {"dialogue": "do_not_call", "loop": True})
    address = f"/call?lead={lead}"
    page, far = new_page(), new_page()
    far.goto("/policy")
    signed_in(page, stack, rep)
    page.add_init_script(TONES)
    carrier = Signalling(page, far, control)
    _is_told_what_to_do_about_a_refused_microphone(page, stack, rep, new_page, address, look)
    _checks_the_microphone(page, address, look)
    _talks(page, carrier, look)
    _is_not_heard_while_muted(page, far, carrier)
    _hears_what_is_wrong(page, far, carrier, look)
    _comes_back_after_the_token_has_ended(page, carrier, look)
    _finds_no_sound_in_another_tab(page, rep, look)
    _never_calls_again(page, carrier, look)
    _turns_the_text_off(page, look)
    _hangs_up(page, rep, carrier)
    _is_refused(page, rep, lead, look)
    address = f"/call?lead={away}"
    _loads_the_page_anew_in_a_call(page, carrier, address, look)
    _is_told_when_a_firewall_keeps_the_sound_back(page, carrier, address, look)
    _is_told_when_the_carrier_is_out_of_reach(page, rep, carrier, address, look)
    rep.close()
    assert complaints == []


def _call(page: Page) -> Locator:
    return page.get_by_role("button", name="Call", exact=True)


def _panel(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Call panel")


def _press(page: Page, key: str) -> None:
    """A key counts as a command only when it stands alone."""
    page.wait_for_timeout(450)
    page.keyboard.press(key)


def _is_shown(locator: Locator) -> Callable[[], bool]:
    return lambda: locator.is_visible()


def _is_heard(page: Page) -> None:
    """The fake microphone beeps by itself."""
    page.get_by_role("button", name="Check the microphone").click()
    expect(page.get_by_text("Your microphone works")).to_be_visible(timeout=20_000)


def _narrow_and_dark(page: Page, look: Look, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    look(page, f"{name}-390-dark")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")


def _is_told_what_to_do_about_a_refused_microphone(
    page: Page, stack: Stack, rep: Rep, new_page: Callable[..., Page], address: str, look: Look
) -> None:
    refused = new_page(width=390)
    signed_in(refused, stack, rep)
    refused.add_init_script(NO_MICROPHONE)
    refused.goto(address)
    refused.get_by_role("radio", name="In the browser").check()
    refused.get_by_role("button", name="Check the microphone").click()
    expect(refused.get_by_text("The microphone is not allowed")).to_be_visible(timeout=20_000)
    look(refused, "softphone-refused-390-light")
    refused.context.close()


def _checks_the_microphone(page: Page, address: str, look: Look) -> None:
    page.goto(address)
    expect(page.get_by_role("radio", name="By phone")).to_be_checked(timeout=20_000)
    expect(_call(page)).to_be_enabled(timeout=20_000)
    page.get_by_role("radio", name="In the browser").check()
    expect(page.get_by_text("This page connects with the carrier first")).to_be_visible()
    _is_heard(page)
    expect(_call(page)).to_be_enabled(timeout=20_000)
    look(page, "softphone-before-1280-light")
    _narrow_and_dark(page, look, "softphone-before")


def _talks(page: Page, carrier: Signalling, look: Look) -> None:
    _call(page).click()
    panel = _panel(page)
    carrier.until(_is_shown(panel.get_by_role("button", name="Mute")))
    carrier.until(_is_shown(panel.get_by_role("definition").filter(has_text="In call")))
    moves = "bars => bars.every(bar => Number(bar.style.transform.match(/[\\d.]+/)?.[0]) > 0.05)"
    bars = panel.get_by_label("Sound").locator("dd div div")
    carrier.until(lambda: bars.evaluate_all(moves))
    _press(page, "k")
    page.keyboard.type("42#")
    expect(panel.get_by_text("Pressed: 42#")).to_be_visible()
    assert page.evaluate("window.tones") == ["4", "2", "#"]
    look(page, "softphone-talks-1280-light")
    _narrow_and_dark(page, look, "softphone-talks")


def _turns_the_text_off(page: Page, look: Look) -> None:
    """The lead said that they want none; from the keyboard, as everything else in a call."""
    button = page.get_by_role("button", name="They want no text")
    expect(button).to_be_visible()
    look(page, "text-on-1280-light")
    _press(page, "t")
    refused = page.get_by_role("status").filter(has_text="The lead refused the transcript.")
    expect(refused).to_be_visible(timeout=5_000)
    expect(button).to_be_hidden()
    look(page, "text-off-1280-light")
    _narrow_and_dark(page, look, "text-off")


def _is_not_heard_while_muted(page: Page, far: Page, carrier: Signalling) -> None:
    """By the far end's own account of what it got: no sound at all, and then again."""
    panel = _panel(page)
    mute = panel.get_by_role("button", name="Mute")
    carrier.until(lambda: _heard_in_a_second(page, far) > 0)
    _press(page, "m")
    expect(mute).to_have_attribute("aria-pressed", "true")
    expect(panel.get_by_text("You, muted")).to_be_visible()
    carrier.until(lambda: _heard_in_a_second(page, far) == 0)
    _press(page, "m")
    expect(mute).to_have_attribute("aria-pressed", "false")
    carrier.until(lambda: _heard_in_a_second(page, far) > 0)


def _heard_in_a_second(page: Page, far: Page) -> float:
    """The energy of the sound that arrives; the fake microphone beeps once a second."""
    before: float = far.evaluate(ENERGY)
    page.wait_for_timeout(1_100)
    return float(far.evaluate(ENERGY)) - before


def _never_calls_again(page: Page, carrier: Signalling, look: Look) -> None:
    """By one click while they talk, which goes on."""
    panel = _panel(page)
    carrier.until(_is_shown(panel.get_by_text("Petra Patient seems to ask not to be called")), within_s=60)
    # A click counts only once somebody can have read what it is on.
    page.wait_for_timeout(800)
    panel.get_by_role("button", name="Never call again").click()
    carrier.until(_is_shown(panel.get_by_text("Petra Patient is not called again from this workspace.")))
    expect(panel.get_by_role("button", name="Mute")).to_be_visible()
    _narrow_and_dark(page, look, "softphone-never-again")


def _is_refused(page: Page, rep: Rep, lead_id: str, look: Look) -> None:
    page.goto(f"/call?lead={lead_id}")
    expect(page.get_by_text("This person asked not to be called.")).to_be_visible()
    expect(_call(page)).to_be_disabled()
    look(page, "softphone-do-not-call-1280-light")
    asked = {"lead_id": lead_id, "way": "browser"}
    refused = rep.call("POST", "/api/calls", asked, key=str(uuid.uuid4()), expect=409)
    assert refused["code"] == "lead_suppressed"


def _hears_what_is_wrong(page: Page, far: Page, carrier: Signalling, look: Look) -> None:
    """The far end falls silent altogether, as when its sound is lost on the way."""
    far.evaluate("window.peer.getSenders()[0].replaceTrack(null)")
    warning = _panel(page).get_by_text("No sound arrives from the carrier")
    carrier.until(_is_shown(warning))
    look(page, "softphone-warning-1280-light")
    far.evaluate(
        """async () => {
          const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
          await window.peer.getSenders()[0].replaceTrack(stream.getTracks()[0]);
        }"""
    )
    carrier.until(lambda: not warning.is_visible())


def _comes_back_after_the_token_has_ended(page: Page, carrier: Signalling, look: Look) -> None:
    """Half an hour into a call the connection is lost, and the carrier lets nobody in with the token that began it."""
    first = carrier.tokens[-1]
    page.evaluate("{ const now = Date.now; Date.now = () => now() + 31 * 60_000; }")
    carrier.break_off()
    restoring = _panel(page).get_by_text("The connection to the carrier was lost and is being restored")
    expect(restoring).to_be_visible(timeout=20_000)
    look(page, "softphone-restoring-1280-light")
    carrier.until(lambda: not restoring.is_visible())
    assert carrier.tokens[-1] != first
    expect(_panel(page).get_by_role("button", name="Mute")).to_be_visible()
    expect(_panel(page).get_by_role("definition").filter(has_text="In call")).to_be_visible()


def _finds_no_sound_in_another_tab(page: Page, rep: Rep, look: Look) -> None:
    beside = page.context.new_page()
    beside.goto("/call")
    expect(beside.get_by_text("This page has no sound of the call")).to_be_visible(timeout=20_000)
    look(beside, "softphone-elsewhere-1280-light")
    beside.goto(f"/calls/{rep.call('GET', '/api/calls')['items'][0]['id']}")
    lasts = beside.get_by_role("main").get_by_text(re.compile(r"^\d+:\d\d$")).first
    expect(lasts).not_to_have_text(lasts.inner_text(timeout=20_000), timeout=5_000)
    beside.close()


def _hangs_up(page: Page, rep: Rep, carrier: Signalling) -> None:
    """The access token came to its end in the call, and is renewed after it."""
    # What ended before, whatever ended it, is not hung up.
    expect(_panel(page).get_by_role("button", name="Mute")).to_be_visible()
    in_call = list(carrier.tokens)
    _press(page, "h")
    carrier.until(_is_shown(_panel(page).get_by_role("heading", name="Completed")))
    assert rep.call("GET", "/api/calls")["items"][0]["end_reason"] == "hung_up"
    carrier.until(lambda: "hangup" in carrier.heard)
    carrier.until(lambda: len(carrier.tokens) > len(in_call))
    assert carrier.tokens[-1] not in in_call


def _loads_the_page_anew_in_a_call(page: Page, carrier: Signalling, address: str, look: Look) -> None:
    page.goto(address)
    # As it was called last.
    expect(page.get_by_role("radio", name="In the browser")).to_be_checked(timeout=20_000)
    _is_heard(page)
    _call(page).click()
    panel = _panel(page)
    carrier.until(_is_shown(panel.get_by_role("definition").filter(has_text="In call")))
    carrier.until(_is_shown(panel.get_by_text("A machine seems to have answered.")))
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.reload()
    page.remove_listener("dialog", leave)
    assert asked == ["beforeunload"]
    expect(panel.get_by_text("This page was loaded anew in the call")).to_be_visible(timeout=20_000)
    carrier.lose_the_page()
    carrier.until(_is_shown(panel.get_by_role("heading", name="Completed")))
    expect(panel.get_by_text("This page was loaded anew in the call")).to_be_visible(timeout=20_000)
    look(page, "softphone-loaded-anew-1280-light")
    _narrow_and_dark(page, look, "softphone-loaded-anew")
    panel.get_by_role("link", name="Call again").click()
    expect(_call(page)).to_be_enabled(timeout=20_000)


def _is_told_when_a_firewall_keeps_the_sound_back(page: Page, carrier: Signalling, address: str, look: Look) -> None:
    """The carrier has taken the call and rings the lead, who would speak to nobody."""
    carrier.sound_passes = False
    page.goto(address)
    _is_heard(page)
    _call(page).click()
    panel = _panel(page)
    carrier.until(_is_shown(panel.get_by_text("Connecting this page with the carrier")))
    carrier.until(_is_shown(page.get_by_role("alert").filter(has_text="The sound did not get through")))
    carrier.until(_is_shown(panel.get_by_role("button", name="Next lead").or_(panel.get_by_text("Call again"))))
    look(page, "softphone-no-sound-1280-light")
    carrier.sound_passes = True


def _is_told_when_the_carrier_is_out_of_reach(
    page: Page, rep: Rep, carrier: Signalling, address: str, look: Look
) -> None:
    before = rep.call("GET", "/api/credits")["available_mcredits"]
    carrier.answers = False
    page.clock.install()
    page.goto(address)
    _is_heard(page)
    _call(page).click()
    expect(_panel(page).get_by_text("Connecting this page with the carrier")).to_be_visible(timeout=20_000)
    carrier.until(lambda: "listen" in carrier.heard[-1:])
    page.clock.fast_forward(15_000)
    told = page.get_by_role("alert").filter(has_text="The carrier could not be reached")
    expect(told).to_be_visible(timeout=20_000)
    expect(_panel(page).get_by_role("heading", name="Cancelled")).to_be_visible(timeout=20_000)
    look(page, "softphone-unreachable-1280-light")
    _narrow_and_dark(page, look, "softphone-unreachable")
    assert rep.call("GET", "/api/credits")["available_mcredits"] == before
