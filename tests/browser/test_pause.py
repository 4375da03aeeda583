"""The carrier refuses call after call until calling pauses by itself: who learns of it, by which calls, and who may go on."""

import uuid
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in

BOSS = Person(first_name="Olga", last_name="Owner", email="olga@pause.example", mobile="+12025550163")
CALLER = Person(first_name="Remy", last_name="Rep", email="remy@pause.example", mobile="+12025550164")
PACK = "pri_01klosesales0000000starter"
REFUSED = 8
FOUR = ((1280, "light"), (1280, "dark"), (390, "dark"), (390, "light"))


def test_calling_pauses_by_itself_and_whoever_runs_the_team_goes_on(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    boss, rep = Rep(stack.url, stack.sandbox_url), Rep(stack.url, stack.sandbox_url)
    boss.sign_up(BOSS)
    boss.buy(PACK)
    boss.confirm_email(BOSS.email)
    boss.call("POST", "/api/team/invitations", {"email": CALLER.email, "role": "rep"}, expect=201)
    [link] = control.wait_for(lambda: control.links_to(CALLER.email, "/join#"))
    rep.sign_up(CALLER, invitation=link.partition("#")[2])
    leads = _leads(rep)
    team, mine = new_page(), new_page(width=390)
    signed_in(team, stack, boss)
    signed_in(mine, stack, rep)
    team.goto("/team")
    mine.goto(f"/call?lead={leads[-1]}")
    call = mine.get_by_role("button", name="Call", exact=True)
    expect(team.get_by_role("heading", name="Members of")).to_be_visible(timeout=20_000)
    expect(call).to_be_enabled(timeout=20_000)
    refused = _dials_until_it_pauses(rep, control, leads)
    panel = _panel(team)
    expect(panel).to_be_visible(timeout=20_000)
    _shows_which_calls(team, panel, refused, look)
    _cannot_call_or_go_on(mine, call, look)
    _goes_on(team, panel)
    mine.go_back()
    expect(call).to_be_enabled(timeout=20_000)
    boss.close()
    rep.close()
    assert complaints == []


def _leads(rep: Rep) -> list[str]:
    """One more than are dialled."""
    made = []
    for number in range(REFUSED + 1):
        lead = {"first_name": "Lea", "last_name": f"Lead {number + 1}", "phone": f"+1 312 555 012{number}"}
        made.append(rep.call("POST", "/api/leads", lead, expect=201)["id"])
    return made


def _dials_until_it_pauses(rep: Rep, control: Rep, leads: list[str]) -> list[str]:
    """Returns the calls. Each is over as soon as the carrier has said no."""
    fault = {"target": "twilio.rest", "kind": "error", "value": 21210, "count": REFUSED, "match": {"To": CALLER.mobile}}
    control.sandbox("POST", "/sandbox/api/faults", fault)
    made = [_refused_call(rep, lead_id) for lead_id in leads[:REFUSED]]
    control.sandbox("DELETE", "/sandbox/api/faults")
    return made


def _refused_call(rep: Rep, lead_id: str) -> str:
    call_id = rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()), expect=201)["id"]
    rep.wait_for(lambda: rep.call("GET", f"/api/calls/{call_id}")["ended_at"], every_s=0.05)
    return str(call_id)


def _panel(page: Page) -> Locator:
    return page.locator("section", has=page.get_by_role("heading", name="Calling is paused"))


def _resize(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]


def _shows_which_calls(team: Page, panel: Locator, refused: list[str], look: Look) -> None:
    expect(panel).to_contain_text("Too many calls could not be put through.")
    links = panel.get_by_role("row").get_by_role("link")
    shown = links.evaluate_all("links => links.map((link) => link.pathname)")
    assert shown == [f"/calls/{call_id}" for call_id in reversed(refused)]
    for width, scheme in FOUR:
        _resize(team, width, scheme)
        look(team, f"paused-team-{width}-{scheme}")
    _resize(team, *FOUR[0])


def _cannot_call_or_go_on(mine: Page, call: Locator, look: Look) -> None:
    expect(call).to_be_disabled(timeout=20_000)
    expect(
        mine.get_by_text("Calling is paused for the whole team: too many calls could not be put through.")
    ).to_be_visible()
    look(mine, "paused-call-390-light")
    mine.goto("/team")
    expect(_panel(mine)).to_be_visible(timeout=20_000)
    expect(_panel(mine).get_by_role("button")).to_have_count(0)
    for width, scheme in FOUR:
        _resize(mine, width, scheme)
        look(mine, f"paused-rep-{width}-{scheme}")


def _goes_on(team: Page, panel: Locator) -> None:
    panel.get_by_role("button", name="Go on calling").press("Enter")
    expect(panel).to_have_count(0, timeout=20_000)
    expect(team.get_by_text("ended a pause of calling")).to_be_visible(timeout=20_000)
