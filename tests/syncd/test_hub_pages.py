"""The hub's web pages: the runs that were delivered, for whoever has one of its tokens, and changed by nobody."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.commands import Bench
from tests.timing import PATIENCE_SECONDS

RUN = """
    import os, runstore
    with runstore.init(project="demo", id="one", name="first") as run:
        run.log({"loss": 0.5})
        path = os.path.join(run.dir, "notes.txt")
        open(path, "w").write("delivered")
        run.save(path, base_path=run.dir)
"""

# Two artifacts: of two files, which its record has, and of three, whose list is a file, as that of very many is.
MADE = """
    import runstore
    from runstore.sdk.artifacts import records
    records.MAX_ENTRIES_IN_RECORD = 2

    def made(name, count):
        artifact = runstore.Artifact(name, "dataset")
        for n in range(count):
            with artifact.new_file(f"part/{n}.txt") as file:
                file.write(f"{name} {n}")
        return artifact

    with runstore.init(project="demo", id="makes", config={"lr": 0.1}) as run:
        run.log_artifact(made("few", 1))
        run.log_artifact(made("many", 4))
        run.log({"loss": 0.25, "guesses": runstore.Table(columns=["n", "kind"], data=[[1, "cat"], [2, "dog"]])})
        run.log({"page": runstore.Html("<h1>a page</h1>")})
        print("it says")
"""


@dataclass
class Shown:
    url: str
    token: str
    bench: Bench

    def ask(self, path: str, *, token: str | None = None, **params: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return httpx.get(f"{self.url}/{path}", headers=headers, params=params, timeout=PATIENCE_SECONDS)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = httpx.post(
            f"{self.url}/{path}", headers={"Authorization": f"Bearer {self.token}"}, json=body, timeout=PATIENCE_SECONDS
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str, **params: str) -> Any:
        answer = self.ask(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A hub that a run was delivered to, whose run directory is gone since."""
    bench = Bench(tmp_path_factory.mktemp("hub"))
    for script in (RUN, MADE):
        done = bench.train(script)
        assert done.returncode == 0, done.stderr
    with bench.hub() as url:
        bench.runstore("sync", "--remote", "lab")
        token = bench.runstore("hub", "token", "create", "ada", "--data", "hub").stdout.strip()
        (bench.folder / "wandb").rename(bench.folder / "away")
        yield Shown(url, token, bench)


def test_delivered_runs_are_shown_to_whoever_has_a_token(hub: Shown) -> None:
    (project,) = hub.get("api/projects")
    assert (project["name"], project["runs"]) == ("demo", 2)
    assert hub.get("api/run", ref="demo/one")["name"] == "first"


def test_the_page_itself_is_served_beside_the_protocol(hub: Shown) -> None:
    for path in ("", "p/demo", "r/demo/one"):
        answer = httpx.get(f"{hub.url}/{path}", timeout=PATIENCE_SECONDS)
        assert answer.status_code in (200, 503)  # 503: the pages are not built
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert httpx.get(f"{hub.url}/v1/hub", timeout=PATIENCE_SECONDS).status_code == 200


@pytest.mark.parametrize("path", ["api/projects", "api/run", "v1/runs"])
@pytest.mark.parametrize("token", ["none", "wrong", "rs_wrong"])
def test_without_a_token_nothing_is_shown(hub: Shown, path: str, token: str) -> None:
    assert hub.ask(path, token=token).status_code == 401


def test_a_revoked_token_opens_nothing_from_then_on(hub: Shown) -> None:
    token = hub.bench.runstore("hub", "token", "create", "guest", "--data", "hub").stdout.strip()
    assert hub.ask("api/projects", token=token).status_code == 200
    hub.bench.runstore("hub", "token", "revoke", "guest", "--data", "hub")
    assert hub.ask("api/projects", token=token).status_code == 401


def test_addresses_of_files_end_with_the_token_that_asked_for_them(hub: Shown) -> None:
    def create() -> str:
        return hub.bench.runstore("hub", "token", "create", "eve", "--data", "hub").stdout.strip()

    opened = hub.ask("api/files/open", token=create(), ref="demo/one", name="notes.txt").json()
    mine = hub.get("api/files/open", ref="demo/one", name="notes.txt")
    assert httpx.get(f"{hub.url}/{opened['file']}", timeout=PATIENCE_SECONDS).text == "delivered"
    hub.bench.runstore("hub", "token", "revoke", "eve", "--data", "hub")
    create()  # of the same name, and another token
    assert httpx.get(f"{hub.url}/{opened['file']}", timeout=PATIENCE_SECONDS).status_code == 404
    assert httpx.get(f"{hub.url}/{mine['file']}", timeout=PATIENCE_SECONDS).text == "delivered"


def test_the_pages_of_a_hub_change_nothing(hub: Shown) -> None:
    headers = {"Authorization": f"Bearer {hub.token}"}
    answer = httpx.post(
        f"{hub.url}/api/run/edit", headers=headers, json={"ref": "demo/one", "name": "mine"}, timeout=PATIENCE_SECONDS
    )
    assert answer.status_code == 403
    assert hub.get("api/run", ref="demo/one")["name"] == "first"


def test_files_come_from_what_was_delivered(hub: Shown) -> None:
    listed = hub.get("api/files", ref="demo/one")["found"]
    assert "notes.txt" in listed["names"]
    opened = hub.get("api/files/open", ref="demo/one", name="notes.txt")
    assert opened["size"] == len("delivered")
    assert httpx.get(f"{hub.url}/{opened['file']}", timeout=PATIENCE_SECONDS).text == "delivered"


@pytest.mark.parametrize(("name", "count"), [("few", 1), ("many", 4)])
def test_artifacts_are_downloaded_from_what_was_delivered(hub: Shown, name: str, count: int) -> None:
    found = hub.get("api/artifact/files", ref=f"demo/{name}:latest", folder="part")
    assert [one["path"] for one in found["files"]] == [f"part/{n}.txt" for n in range(count)]
    for n, one in enumerate(found["files"]):
        assert one["state"] == "here"
        assert httpx.get(f"{hub.url}/{one['address']}", timeout=PATIENCE_SECONDS).text == f"{name} {n}"


def test_a_list_of_files_is_the_delivered_one_and_not_what_lies_where_a_log_says(hub: Shown) -> None:
    """The path in a log is of another machine: on this one anything may be there."""
    (away,) = (hub.bench.folder / "away").glob("*-makes")
    (listed,) = (path for path in (away / "blobs").iterdir() if path.read_bytes()[:2] == b"\x1f\x8b")
    named = hub.bench.folder / "wandb" / away.name / "blobs" / listed.name
    named.parent.mkdir(parents=True)
    named.write_bytes(gzip.compress(b'{"path": "secret.txt"}\n'))
    try:
        assert hub.get("api/artifact/files", ref="demo/many:latest", text="")["total"] == 4
    finally:
        shutil.rmtree(hub.bench.folder / "wandb")


def test_media_tables_console_and_exports_come_from_what_was_delivered(hub: Shown) -> None:
    refs = ["demo/makes"]
    shown = hub.post("api/media/at", {"refs": refs, "key": "page"})["values"]["demo/makes"]
    assert "<h1>a page</h1>" in httpx.get(f"{hub.url}/{shown['items'][0]['src']}", timeout=PATIENCE_SECONDS).text
    assert hub.post("api/media/table", {"ref": "demo/makes", "key": "guesses"})["rows"] == [[1, "cat"], [2, "dog"]]
    (log,) = hub.get("api/console", ref="demo/makes")
    assert "it says" in hub.get("api/console/lines", ref="demo/makes", log=str(log["log"]))["texts"]
    assert "makes" in hub.post("api/export", {"refs": refs})["html"]


def test_runs_are_compared_and_filtered_as_anywhere(hub: Shown) -> None:
    rows = hub.post("api/compare", {"refs": ["demo/one", "demo/makes"]})["rows"]
    assert ("summary", "loss") in {(row["section"], row["key"]) for row in rows}
    found = hub.post("api/runs", {"project": "demo", "filter": "/^mak/", "limit": 5})
    assert found["rows"]["refs"] == ["demo/makes"]


def test_the_sync_page_of_a_hub_tells_what_it_holds(hub: Shown) -> None:
    held = hub.get("api/sync")
    assert (held["kind"], held["projects"], held["runs"], held["lost_bytes"]) == ("hub", 1, 2, 0)


def test_no_path_of_the_hubs_machine_can_be_asked_for(hub: Shown) -> None:
    for name in ("../../../hub.db", "/etc/hostname", "notes.txt/../../hub.db"):
        assert hub.ask("api/files/open", ref="demo/one", name=name).status_code == 404


def test_a_foreign_host_gets_no_page_and_senders_are_not_asked_for_theirs(hub: Shown) -> None:
    """Machines deliver under whatever name leads to the hub; browsers are what can be led astray."""
    headers = {"Authorization": f"Bearer {hub.token}", "Host": "evil.example"}
    assert httpx.get(f"{hub.url}/api/projects", headers=headers, timeout=PATIENCE_SECONDS).status_code == 403
    assert httpx.get(f"{hub.url}/", headers=headers, timeout=PATIENCE_SECONDS).status_code == 403
    assert httpx.get(f"{hub.url}/v1/runs", headers=headers, timeout=PATIENCE_SECONDS).status_code == 200
