"""The ways to ask for runs."""

from __future__ import annotations

from runstore import Api

PublicApi = Api
