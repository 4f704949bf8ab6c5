"""The run that records nothing."""

from __future__ import annotations

from runstore.sdk.disabled import DisabledRun

RunDisabled = DisabledRun
