"""Encrypted parts: who has the key reads them, nobody else does, and no byte can be changed unseen."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from runstore.errors import NotFound, UsageError
from runstore.syncd.bundles import keys
from runstore.syncd.bundles.creating import How
from runstore.syncd.bundles.keys import SecretKey
from runstore.syncd.bundles.manifest import WrongBundle
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.bundles.sealed import decrypt
from tests.syncd.bundles.sites import Inside, Outside, contents, finished_run


@pytest.fixture
def runs(inside: Inside) -> Inside:
    finished_run(inside.runs, files={"files/secret.txt": b"the secret", "blobs/n": random.Random(1).randbytes(1 << 21)})
    return inside


def test_each_recipient_reads_it_and_nobody_else(
    runs: Inside, outside: Outside, key: SecretKey, tmp_path: Path
) -> None:
    other, third = (keys.secret_key(keys.make(tmp_path / "keys", name)[0]) for name in ("other", "third"))
    (part,) = runs.bundle(how=How(recipients=[key.public(), other.public()], sign=key)).parts
    assert part.name.endswith(".tar.zst.sealed")
    assert b"run-r1.wandb" not in part.read_bytes()
    assert "is encrypted; give --key" in outside.refusal(part)
    assert "for somebody else" in outside.refusal(part, Trust(secret=third))
    assert not contents(outside.runs)
    for number, reader in enumerate((key, other)):
        to = Outside(tmp_path / f"reader{number}")
        to.take_all([part], Trust([key.public()], reader))
        assert contents(to.runs) == contents(runs.runs)


def test_a_part_that_was_cut_or_changed_is_refused(
    runs: Inside, outside: Outside, key: SecretKey, tmp_path: Path
) -> None:
    (part,) = runs.bundle(how=How(recipients=[key.public()])).parts
    whole, broken = part.read_bytes(), tmp_path / "broken.sealed"
    chance = random.Random(2)
    ends = [8, 9, 50, 114, 114 + (1 << 20) + 17, len(whole) - 1, *chance.sample(range(len(whole)), 3)]
    for end in ends:
        broken.write_bytes(whole[:end])
        assert str(broken) in outside.refusal(broken, Trust(secret=key))
    for at in [8, 12, 100, len(whole) - 1, *chance.sample(range(10, len(whole)), 3)]:
        broken.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert str(broken) in outside.refusal(broken, Trust(secret=key))
    broken.write_bytes(whole + b"more")
    assert "it was changed, or damaged" in outside.refusal(broken, Trust(secret=key))
    assert not contents(outside.runs)
    assert not outside.staged()


def test_what_is_decrypted_is_the_plain_part(runs: Inside, key: SecretKey, tmp_path: Path) -> None:
    (plain,) = runs.bundle().parts
    (part,) = runs.bundle(how=How(recipients=[key.public()])).parts
    to = tmp_path / "out" / "plain.tar.zst"
    to.parent.mkdir()
    decrypt(part, to, key, lambda size: None)
    assert to.read_bytes() == plain.read_bytes()
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(WrongBundle):
        decrypt(part, to.with_name("other"), key, lambda size: None)
    assert [path.name for path in to.parent.iterdir()] == ["plain.tar.zst"]


def test_keys_are_files_for_their_owner(tmp_path: Path) -> None:
    secret, public = keys.make(tmp_path, "site")
    assert secret.stat().st_mode & 0o777 == 0o600
    (known,) = keys.public_keys(public)
    assert known == keys.secret_key(secret).public()
    assert known.name == "site"
    with pytest.raises(UsageError, match="never overwritten"):
        keys.make(tmp_path, "site")
    with pytest.raises(UsageError, match="is a public key"):
        keys.secret_key(public)
    with pytest.raises(UsageError, match="is a secret key"):
        keys.public_keys(secret)
    with pytest.raises(NotFound):
        keys.secret_key(tmp_path / "none")
    with pytest.raises(UsageError, match="can't be the name"):
        keys.make(tmp_path, "../x")
    both = tmp_path / "both.pub"
    both.write_text(f"# those whom we trust\n\n{known.line()}\n{known.line()}\n")
    assert keys.public_keys(both) == [known, known]
    for text in (
        "",
        "text",
        "runstore-bundle-public-1 QUJD x",
        "runstore-bundle-public-1",
        "runstore-bundle-public-1 ?",
    ):
        both.write_text(text)
        with pytest.raises(UsageError):
            keys.public_keys(both)
