"""What those who confirm a person's sign-in may be asked, field by field."""

from typing import Final

from processors.endpoints import Base, endpoint

# What a person's sign-in is proved with: the one-time code that the provider gave to the browser, and its answer to it.
GOOGLE_ACCOUNTS: Final = Base(
    url="https://accounts.google.com",
    setting="GOOGLE_ACCOUNTS_URL",
    endpoints=(
        endpoint(
            "token.create",
            "POST",
            "/o/oauth2/token",
            {
                "grant_type": "sign_in",
                "code": "sign_in",
                "redirect_uri": "webhook_address",
                "client_id": "account_reference",
                "client_secret": "account_reference",
            },
            {"grant_type": frozenset({"authorization_code"})},
        ),
    ),
)
# The token stands in a header.
GOOGLE_API: Final = Base(
    url="https://www.googleapis.com",
    setting="GOOGLE_API_URL",
    endpoints=(endpoint("userinfo.read", "GET", "/oauth2/v3/userinfo", {}),),
)
# Only the browser goes there.
FACEBOOK: Final = Base(url="https://www.facebook.com", setting="FACEBOOK_URL", endpoints=())
_GRAPH = r"/v\d+\.\d+"
FACEBOOK_GRAPH: Final = Base(
    url="https://graph.facebook.com",
    setting="FACEBOOK_GRAPH_URL",
    endpoints=(
        endpoint(
            "token.read",
            "GET",
            _GRAPH + "/oauth/access_token",
            {
                "code": "sign_in",
                "redirect_uri": "webhook_address",
                "client_id": "account_reference",
                "client_secret": "account_reference",
            },
        ),
        endpoint(
            "me.read",
            "GET",
            _GRAPH + "/me",
            {"fields": "sign_in", "access_token": "sign_in", "appsecret_proof": "sign_in"},
            {"fields": frozenset({"id,first_name,last_name,email"})},
        ),
    ),
)
