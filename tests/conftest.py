"""What all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long an example takes depends on who else uses the machine; speed is measured in bench/, not here.
settings.register_profile("runstore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("runstore")
