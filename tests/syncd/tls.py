"""A certificate that nobody has signed, for localhost, and what serves with it."""

from __future__ import annotations

import ssl
from pathlib import Path

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUcZjUUQDFkZ7FZzBXJTzMu0lWc0owCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE3Mzc1M1oYDzIxMjYxMDI4
MTczNzUzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASUunRx1iLfeVHPUZ2zkCH41ZnSH8gncyqlyur4or77hY92Xgkg+O3C
WU2Ms0Zenf1/ECa4kUdhIrkn+KkskkOio28wbTAdBgNVHQ4EFgQUqXQpXcr82B1S
zZShP62h0yU27howHwYDVR0jBBgwFoAUqXQpXcr82B1SzZShP62h0yU27howDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgZY2jsAe0+wiMELk2RbehZ00p8Tb4Jm2EC11pPTFyYMwCIQDs
T4hDn8EX7mEw7aUZd8Bv5+wc2Lhw1Oorhcz5fkKzjA==
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg00jNeelc9XPSzlEj
NxEE5C/BPUae5/e2PScBemSimZ6hRANCAASUunRx1iLfeVHPUZ2zkCH41ZnSH8gn
cyqlyur4or77hY92Xgkg+O3CWU2Ms0Zenf1/ECa4kUdhIrkn+KkskkOi
-----END PRIVATE KEY-----
"""


def self_signed(path: Path) -> ssl.SSLContext:
    """Write the certificate, with its key, to a file; return what a server needs to be known by it."""
    path.write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
