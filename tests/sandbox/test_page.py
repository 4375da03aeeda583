"""The page and the checkout in a real browser."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright, expect

from tests.sandbox.conftest import CLIENT_TOKEN, REP, SERVICE_SID, Sandbox, free_port
from tests.sandbox.product import Product

pytestmark = pytest.mark.browser
PACK = "pri_01klosesales0000000starter"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        path = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield await browser.new_page(viewport={"width": 390, "height": 844})
        await browser.close()


async def test_the_page_shows_the_code_and_takes_the_call(sandbox: Sandbox, product: Product, page: Page) -> None:
    await page.goto(sandbox.url)
    await sandbox.sdk(lambda client: client.verify.v2.services(SERVICE_SID).verifications.create(to=REP, channel="sms"))
    code = (await sandbox.get("/messages", to=REP))[-1]["code"]
    await expect(page.locator(".code")).to_have_text(code)
    await page.get_by_label("When called").select_option("manual")
    product.answer_call("+12025550189")
    await expect(page.get_by_label("When called")).to_have_value("manual")
    await sandbox.call(product)
    await page.get_by_role("button", name="Answer").click()
    await product.until(lambda: product.told("/notice/played"))
    await page.get_by_role("button", name="Hang up").first.click()
    await product.until(lambda: len(product.told("/status")) == 4)

    assert await page.evaluate("document.documentElement.scrollWidth") == 390


async def test_the_checkout_runs_under_a_strict_policy_of_the_page(
    sandbox: Sandbox, product: Product, page: Page
) -> None:
    policy = f"default-src 'self'; script-src 'self' {sandbox.url}; frame-src {sandbox.url}; style-src 'self'"
    script = f"""
      const told = (event) => document.querySelector("ol").append(event.name, " ");
      Paddle.Environment.set("sandbox");
      Paddle.Initialize({{ token: "{CLIENT_TOKEN}", eventCallback: told }});
      document.querySelector("button").onclick = () =>
        Paddle.Checkout.open({{ items: [{{ priceId: "{PACK}", quantity: 1 }}], customData: {{ hint: "w1" }} }});"""

    async def shop(request: web.Request) -> web.Response:
        paddle = f'<script src="{sandbox.url}/paddle/paddle.js"></script><script src="/shop.js"></script>'
        text = f"<!doctype html><button>Buy</button><ol></ol>{paddle}"
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def shop_script(request: web.Request) -> web.Response:
        return web.Response(text=script, content_type="text/javascript")

    app, port = web.Application(), free_port()
    app.router.add_get("/", shop)
    app.router.add_get("/shop.js", shop_script)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        await page.goto(f"http://localhost:{port}/")
        await page.get_by_role("button", name="Buy").click()
        frame = page.frame_locator("iframe")
        await frame.get_by_label("Card number").fill("4000 0000 0000 0002")
        await frame.get_by_role("button", name="Pay").click()
        await expect(frame.get_by_role("alert")).to_contain_text("declined")
        await frame.get_by_label("Card number").fill("4242 4242 4242 4242")
        await frame.get_by_role("button", name="Pay").click()
        await expect(page.locator("ol")).to_contain_text("checkout.completed")
        await frame.get_by_role("button", name="Close checkout").click()
        await expect(page.locator("iframe")).to_have_count(0)
        await expect(page.locator("ol")).to_contain_text("checkout.closed")
    finally:
        await runner.cleanup()
    await product.until(lambda: product.events("transaction.completed"))

    sale = product.events("transaction.completed")[0]["data"]
    assert (sale["origin"], sale["custom_data"], sale["items"][0]["price"]["id"]) == ("web", {"hint": "w1"}, PACK)
