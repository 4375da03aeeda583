"""Accounts, browsers and the sandbox, as the tests of identity have them."""

from tests.identity.conftest import browser, make_account, sandbox, sandbox_process, sign_in

__all__ = ["browser", "make_account", "sandbox", "sandbox_process", "sign_in"]
