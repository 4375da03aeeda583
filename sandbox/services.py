"""Everything that runs in the sandbox, put together once."""

from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.paddle.bodies import catalog
from sandbox.paddle.notifications import Notifications
from sandbox.paddle.sales import Sales
from sandbox.paddle.subscriptions import Subscriptions
from sandbox.settings import Settings
from sandbox.social.agreement import Agreement
from sandbox.social.facebook import Facebook
from sandbox.social.google import Google
from sandbox.social.people import People
from sandbox.speech_library import SpeechLibrary
from sandbox.store import Store
from sandbox.twilio.exchange import Exchange
from sandbox.twilio.verify_api import VerifyApi
from sandbox.twilio.webhooks import TwilioWebhooks


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    store: Store
    faults: Faults
    speech: SpeechLibrary
    webhooks: TwilioWebhooks
    exchange: Exchange
    verify: VerifyApi
    notifications: Notifications
    sales: Sales
    subscriptions: Subscriptions
    people: People
    google: Google
    facebook: Facebook

    async def close(self) -> None:
        await self.exchange.close()
        await self.webhooks.close()
        await self.notifications.drop_pending()
        self.store.save()


def assemble(settings: Settings) -> Services:
    store, faults = Store(settings.state_file), Faults()
    store.load()
    pace = Clock(settings.time_scale, settings.media_scale)
    speech = SpeechLibrary(settings.speech_folder)
    webhooks = TwilioWebhooks(store, faults, settings.auth_token)
    exchange = Exchange(
        store=store,
        faults=faults,
        webhooks=webhooks,
        speech=speech,
        pace=pace,
        auth_token=settings.auth_token,
        hang_up_after_s=settings.hang_up_after_s,
        caller_id=settings.caller_id,
    )
    verify = VerifyApi(
        store,
        account_sid=settings.account_sid,
        service_sids=(
            settings.verify_service_sid,
            settings.verify_callee_service_sid,
            settings.verify_claim_service_sid,
        ),
        name=settings.verify_name,
    )
    notifications = Notifications(
        store=store,
        faults=faults,
        pace=pace,
        url=settings.paddle_webhook_url,
        secret=settings.paddle_webhook_secret,
    )
    sales = Sales(
        store=store,
        prices=catalog(settings.prices),
        notifications=notifications,
        pace=pace,
        checkout_url=settings.paddle_checkout_url,
    )
    subscriptions = Subscriptions(sales=sales, store=store, notifications=notifications)
    people = People(store)
    google = Agreement(
        people,
        provider="google",
        title="Google",
        client_id=settings.google_client_id,
        client_secret=settings.google_client_secret,
        redirect_uri=settings.google_redirect_uri,
        cancelled={"error": "access_denied"},
    )
    facebook = Agreement(
        people,
        provider="facebook",
        title="Facebook",
        client_id=settings.facebook_app_id,
        client_secret=settings.facebook_app_secret,
        redirect_uri=settings.facebook_redirect_uri,
        cancelled={"error": "access_denied", "error_code": "200", "error_reason": "user_denied"},
    )
    return Services(
        settings=settings,
        store=store,
        faults=faults,
        speech=speech,
        webhooks=webhooks,
        exchange=exchange,
        verify=verify,
        notifications=notifications,
        sales=sales,
        subscriptions=subscriptions,
        people=people,
        google=Google(google, store, faults),
        facebook=Facebook(facebook, store, faults),
    )
