"""What targets over HTTP share: which URLs they can have, how long an answer asks to wait, whom nobody vouches for."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import httpx

from runstore.errors import UsageError


def checked_url(url: str, whose: str, example: str) -> str:
    """Return the URL without the slash at its end. Raises UsageError, with an `example`, where nobody can be there."""
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise UsageError(f"{url!r} is not a URL ({error}); {whose}'s looks like {example}") from error
    # httpx quotes what no host name may contain; an IPv6 address may have a zone behind a %.
    strange = "%" in parsed.host and ":" not in parsed.host
    if parsed.scheme not in ("http", "https") or not parsed.host or strange:
        raise UsageError(f"{url!r} is not {whose}'s URL; write http:// or https:// before the host, like {example}")
    if parsed.port is not None and not 0 < parsed.port < 65536:  # httpx takes any number
        raise UsageError(f"{url!r}: there is no port {parsed.port}; {whose}'s URL looks like {example}")
    return str(parsed).rstrip("/")


def retry_after(response: httpx.Response) -> float:
    """Return the seconds that an answer asks to wait for, as a number or as a date; 0.0 where it names none."""
    given = response.headers.get("Retry-After", "").strip()
    seconds = plain_number(given)
    if seconds is not None:
        return seconds
    try:
        until = parsedate_to_datetime(given)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    return max(0.0, (until - datetime.now(timezone.utc)).total_seconds())


def plain_number(text: str) -> float | None:
    """Return a number that is written in digits, perhaps with a point, as servers do; None for anything else."""
    whole, _, fraction = text.partition(".")
    if not (text.isascii() and whole.isdigit() and (not fraction or fraction.isdigit())):
        return None
    return float(text)


def distrust(error: BaseException | None) -> str:
    """Return why a certificate was not accepted; "" where that was not what happened."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""
