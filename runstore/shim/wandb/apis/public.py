"""The Api for stored runs, and what it hands back."""

from __future__ import annotations

from runstore import Api as Api
