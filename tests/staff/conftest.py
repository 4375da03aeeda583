"""What the tests of our own people share."""

from tests.identity.conftest import make_account, sign_in
from tests.sandbox_fixture import sandbox, sandbox_process

__all__ = ["make_account", "sandbox", "sandbox_process", "sign_in"]
