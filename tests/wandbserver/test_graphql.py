"""The server turns down documents and inputs that a W&B server would turn down, and does nothing of them."""

from __future__ import annotations

import json

import pytest

from tests.wandbserver.client import ALERT, CREATE_FILES, UPSERT, Client
from tests.wandbserver.drift import Drift
from tests.wandbserver.server import RecordingServer


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("query Viewer { viewer { id ", "Syntax Error"),
        ("query Viewer { viewer { id shoeSize } }", "Cannot query field 'shoeSize'"),
        ("query Viewer { viewer }", "must have a selection"),
        ("mutation M { upsertBucket(input: {nome: 1}) { inserted } }", "'UpsertBucketInput'"),
        ("mutation M($tags: String) { upsertBucket(input: {tags: $tags}) { inserted } }", "expecting type '[String!]'"),
        ("mutation DropAll { dropAll { success } }", "Cannot query field 'dropAll'"),
    ],
)
def test_unfit_document_is_an_error(server: RecordingServer, client: Client, query: str, reason: str) -> None:
    said = client.ask(query)
    assert said["data"] is None
    assert reason in said["errors"][0]["message"]
    assert len(server.unknown_operations) == len(server.errors) == 1
    assert server.runs == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "needs an id or a name"),
        ({"name": 7}, "String cannot represent"),
        ({"name": "a", "config": {"lr": 1}}, "JSONString is a text"),
        ({"name": "a", "config": "{"}, "JSONString:"),
        ({"name": "a", "config": "[]"}, "expected a JSON object"),
        ({"name": "a", "config": '{"lr": 1}'}, "'lr' does not hold a value"),
        ({"name": "a", "config": '{"_wandb": {"value": 1}}'}, "`_wandb` is no object"),
        ({"name": "a", "tags": [None]}, "tags[0]"),
        ({"id": "tester/equipment/k3v9q2"}, "no run has the id"),
    ],
)
def test_unfit_run_is_not_made(server: RecordingServer, client: Client, given: dict[str, object], reason: str) -> None:
    assert reason in client.complaint(UPSERT, **given)
    assert server.runs == []


def test_ids_are_opaque_and_a_run_is_found_by_its_own(server: RecordingServer, client: Client) -> None:
    made = client.upsert(displayName="first", tags=["a"])
    assert made["inserted"]
    assert "k3v9q2" not in made["bucket"]["id"]
    again = client.upsert(id=made["bucket"]["id"], name=None, notes="later")
    assert not again["inserted"]
    run = server.run("k3v9q2")
    assert (run.display_name, run.notes, run.tags) == ("first", "later", ["a"])


def test_resume_status_tells_what_is_held_and_null_of_what_is_not(client: Client) -> None:
    query = """query RunResumeStatus($name: String!) { model(name: "equipment", entityName: "tester") {
        bucket(name: $name, missingOk: true) { historyLineCount historyTail wandbConfig(keys: ["t"]) } } }"""
    assert client.ask(query, name="k3v9q2")["data"]["model"]["bucket"] is None
    client.upsert(config='{"lr": {"value": 0.1}, "_wandb": {"value": {"t": {"3": [1]}, "m": []}}}')
    client.lines("wandb-history.jsonl", 0, '{"_step": 0}', '{"_step": 1}')
    held = client.ask(query, name="k3v9q2")["data"]["model"]["bucket"]
    assert held["historyLineCount"] == 2
    assert [json.loads(row) for row in json.loads(held["historyTail"])] == [{"_step": 1}]
    assert json.loads(held["wandbConfig"]) == {"t": {"3": [1]}}


def test_rewind_drops_the_rows_behind_the_step(server: RecordingServer, client: Client) -> None:
    query = (
        "mutation RewindRun($input: RewindRunInput!) { rewindRun(input: $input) { rewoundRun { historyLineCount } } }"
    )
    given = {"runName": "k3v9q2", "projectName": "equipment", "metricName": "_step", "metricValue": 1.0}
    assert client.ask(query, input=given)["data"]["rewindRun"] is None
    client.upsert()
    client.lines("wandb-history.jsonl", 0, *(f'{{"_step": {step}}}' for step in range(4)))
    assert client.tell(query, **given)["rewoundRun"] == {"historyLineCount": 2}
    assert [row["_step"] for row in server.run("k3v9q2").history] == [0, 1]


def test_files_and_alerts_belong_to_a_run_that_exists(server: RecordingServer, client: Client) -> None:
    assert "not found" in client.complaint(CREATE_FILES, **client.place, files=["a"])
    alert = {"title": "T", "text": "t", "severity": "WARN", "waitDuration": 60000}
    assert "not found" in client.complaint(ALERT, **client.place, **alert)
    client.upsert()
    assert client.tell(ALERT, **client.place, **alert) == {"success": True}
    assert "AlertSeverity" in client.complaint(ALERT, **client.place, **alert | {"severity": "!"})
    assert [told["title"] for told in server.alerts] == ["T"]


def test_only_the_accepted_keys_are_let_in(server: RecordingServer, client: Client) -> None:
    server.keys = {"k" * 40}
    refused = client.post("/graphql", json={"query": "{ viewer { id } }"})
    assert refused.status_code == client.push(files={}).status_code == 401
    with Client(server.url, "k" * 40) as known:
        assert known.ask("{ viewer { username } }") == {"data": {"viewer": {"username": "tester"}}}


@pytest.mark.parametrize("header", ["", "Bearer 0123", "Basic ???", "Basic YXBpOg==", "Basic dXNlcjprZXk="])
def test_without_a_key_in_the_form_of_servers_nobody_gets_in(client: Client, header: str) -> None:
    answer = client.post("/graphql", json={"query": "{ viewer { id } }"}, headers={"Authorization": header}, auth=None)
    assert answer.status_code == 401


def test_introspection_tells_older_clients_what_there_is(client: Client) -> None:
    said = client.ask('query Probe { it: __type(name: "CreateArtifactInput") { inputFields { name } } }')
    names = {field["name"] for field in said["data"]["it"]["inputFields"]}
    assert {"clientID", "sequenceClientID", "enableDigestDeduplication", "tags"} <= names
    assert client.ask('{ __type(name: "LaunchAgent") { name } }')["data"] == {"__type": None}


def test_answers_of_other_servers_say_more_or_less_or_no(server: RecordingServer, client: Client) -> None:
    server.drift = Drift(has_more=True, without={"historyLineCount"}, null={"historyTail"})
    bucket = client.upsert()["bucket"]
    assert "historyLineCount" not in bucket
    assert bucket["historyTail"] is None
    assert "fromTheFuture" in bucket["project"]["entity"]
    server.drift = Drift(refused={"UpsertBucket": "no more runs"})
    assert client.complaint(UPSERT, name="other") == "no more runs"
    assert [run.run_id for run in server.runs] == ["k3v9q2"]
    assert server.errors == []
