"""Git repositories for tests, made with the git command and none of the person's settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.timing import HANGS_SECONDS

CLEAN = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.org",
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "protocol.file.allow",
    "GIT_CONFIG_VALUE_0": "always",
    "GIT_CONFIG_KEY_1": "init.defaultBranch",
    "GIT_CONFIG_VALUE_1": "main",
}


def use_clean_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have git, in this process and those that it starts, know nothing of this machine."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in CLEAN.items():
        monkeypatch.setenv(name, value)


def git(folder: Path, *arguments: str) -> str:
    """Run a git command in `folder`; return what it wrote."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=HANGS_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def committed(folder: Path, **files: str | bytes) -> Path:
    """Return a repository in `folder` with these files, in one commit; "__" in a name stands for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet")
    write(folder, **files)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "one")
    return folder


def write(folder: Path, **files: str | bytes) -> None:
    """Write files; "__" in a name stands for a dot."""
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content.encode() if isinstance(content, str) else content)
