"""Names that other libraries take from W&B's inner parts."""

from __future__ import annotations

from runstore.sdk.disabled import DisabledRun

RunDisabled = DisabledRun
