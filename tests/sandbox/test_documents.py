"""Where TwiML comes from, and what happens when it does not come."""

import pytest

from sandbox.contract import Contract, ContractResponse
from tests.sandbox.conftest import ACCOUNT_SID, CALLER_ID, REP, Sandbox
from tests.sandbox.product import Product


async def test_twiml_can_come_with_the_request(sandbox: Sandbox, product: Product) -> None:
    await sandbox.call(product, url=None, twiml="<Response><Pause length='1'/><Hangup/></Response>")
    await product.until(lambda: len(product.told("/status")) == 4)

    assert [webhook.path for webhook in product.webhooks] == ["/status"] * 4


async def test_a_document_that_fails_falls_back_and_then_ends_the_call(sandbox: Sandbox, product: Product) -> None:
    product.statuses["/agent"] = 500
    await sandbox.call(product, fallback_url=f"{product.url}/fallback")
    await product.until(lambda: len(product.told("/status")) == 4)
    await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 8)

    assert len(product.told("/fallback")) == 1
    assert product.told("/fallback")[0]["ErrorCode"] == "11200"
    assert [alert["code"] for alert in await sandbox.get("/alerts")] == [11200]


async def test_keys_are_collected_up_to_the_wanted_number(sandbox: Sandbox, product: Product) -> None:
    product.answers["/agent"] = (
        '<Response><Gather numDigits="3" timeout="60" action="/digits"><Say>Type three digits.</Say></Gather></Response>'
    )
    product.answers["/digits"] = "<Response><Hangup/></Response>"
    sid = await sandbox.call(product)
    await product.until(lambda: product.told("/agent"))
    await sandbox.post(f"/calls/{sid}/press", digits="4711")
    await product.until(lambda: product.told("/digits"))

    assert product.told("/digits")[0]["Digits"] == "471"


@pytest.mark.parametrize(
    ("attribute", "keys", "told"),
    [
        ("", "#", ["/on"]),
        ("", "*", ["/digits *"]),
        ("", "4#", ["/digits 4"]),
        ('finishOnKey=""', "#", ["/digits #"]),
        ('finishOnKey="*"', "#", ["/digits #"]),
        ('actionOnEmptyResult="true"', "#", ["/digits "]),
    ],
)
async def test_the_key_that_finishes_is_none_of_the_digits_and_alone_it_is_as_no_key(
    sandbox: Sandbox, product: Product, attribute: str, keys: str, told: list[str]
) -> None:
    product.answers["/agent"] = (
        f'<Response><Gather {attribute} numDigits="{len(keys)}" timeout="60" action="/digits"><Say>{"Type. " * 99}</Say>'
        "</Gather><Redirect>/on</Redirect></Response>"
    )
    sid = await sandbox.call(product)
    await product.until(lambda: product.told("/agent"))
    await sandbox.post(f"/calls/{sid}/press", digits=keys)
    await product.until(lambda: "completed" in [form["CallStatus"] for form in product.told("/status")])

    came = [each for each in product.webhooks if each.path in ("/on", "/digits")]
    assert [f"{each.path} {each.form['Digits']}" if "Digits" in each.form else each.path for each in came] == told


async def test_a_called_party_can_be_hung_up_before_the_bridge(sandbox: Sandbox, product: Product) -> None:
    product.answer_call("+12025550189")
    product.answers["/notice"] = "<Response><Say>Goodbye.</Say><Hangup/></Response>"
    await sandbox.call(product)
    await product.until(lambda: product.told("/after"))

    assert product.told("/after")[0]["DialBridged"] == "false"


@pytest.mark.parametrize(
    ("lead", "caller", "alert"), [("12345", CALLER_ID, 13223), ("+12025550120", "+12025550199", 13214)]
)
async def test_a_lead_that_cannot_be_dialled_is_reported(
    sandbox: Sandbox, product: Product, lead: str, caller: str, alert: int
) -> None:
    product.answer_call(lead, dial=f'callerId="{caller}"')
    await sandbox.call(product)
    await product.until(lambda: product.told("/after"))

    assert product.told("/after")[0]["DialCallStatus"] == "failed"
    assert product.told("/leg") == []
    assert [entry["code"] for entry in await sandbox.get("/alerts")] == [alert]


async def test_a_webhook_to_another_machine_is_refused(sandbox: Sandbox, product: Product) -> None:
    sid = await sandbox.call(product, status_callback="https://klosesales.com/status")
    await product.until(lambda: product.told("/agent"))

    outcomes = {entry["outcome"] for entry in await sandbox.get("/deliveries", subject=sid) if "status" in entry["url"]}
    assert outcomes == {"refused"}


async def test_a_page_of_another_machine_cannot_use_the_control_api(sandbox: Sandbox) -> None:
    answer = await sandbox.http.post("/sandbox/api/reset", headers={"Origin": "https://example.com"})

    assert answer.status_code == 403


def test_an_answer_that_breaks_the_contract_is_noticed() -> None:
    contract = Contract("twilio_api_v2010.json")
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json"
    request = contract.request(
        method="POST",
        path=path,
        headers={"Authorization": "Basic eDp5"},
        query=[],
        body=f"To={REP}&From={REP}".encode(),
    )

    assert contract.request_faults(request) == []
    assert "'sid' is a required property" in contract.response_faults(request, ContractResponse(201, b"{}"))
    assert contract.response_faults(request, ContractResponse(202, b"{}"))
