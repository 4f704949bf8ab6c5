"""Errors under the names that W&B's library gives them."""

from __future__ import annotations

from runstore import Error as Error
from runstore import UsageError as UsageError
from runstore.errors import CommError as CommError
from runstore.errors import RemoteRefused

AuthenticationError = RemoteRefused
UnsupportedError = UsageError
