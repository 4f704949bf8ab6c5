"""Who delivers to a target of which kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from runstore.errors import RunstoreError
from runstore.syncd.courier import Courier
from runstore.syncd.errands import Proven
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.bundle import BUNDLE
from runstore.syncd.remotes.configured import find_remote

if TYPE_CHECKING:  # few have such a target, and it brings much with it
    from runstore.syncd.bundles.carrier import Carrier

AnyCourier: TypeAlias = "Courier | Carrier"


def courier_for(name: str, policy: Policy, proven: Proven) -> AnyCourier:
    """Return who delivers to the remote `name`."""
    try:
        remote = find_remote(name)
    except RunstoreError:  # what the courier will say
        return Courier(name, policy, proven)
    if remote.kind != BUNDLE:
        return Courier(name, policy, proven)
    from runstore.syncd.bundles.carrier import Carrier

    return Carrier(name, Path(remote.url), remote.bundles, policy, proven)
