"""Those who act in the chaos test, each in a thread of its own: who trains, and who makes trouble."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.commands import ROOT, Bench
from tests.crash.faults import ANY_TIME, passed
from tests.crash.machines import DaemonMachine, HubMachine
from tests.crash.proxy import Exchange, Fault, Proxy

_FAULTS_SHARE = 0.25
_PAUSE_SECONDS = 0.03
_LAST_CALLS = 60


@dataclass(frozen=True)
class Attempt:
    """One process of a run: how many of its calls had returned when it ended, and whether by a kill."""

    number: int
    logged: int
    saved: int
    artifacts: int
    was_killed: bool


@dataclass
class Story:
    """What one run was told to be safe, attempt after attempt."""

    run_id: str
    seed: int
    attempts: list[Attempt] = field(default_factory=list)


class Play:
    """How long it goes on: so many seconds, and then until everybody has done enough, but three times as long at most.

    Processes take their time to begin on a machine that has others to run: what counts is what happened.
    """

    def __init__(self, seed: int, seconds: float) -> None:
        self.seed = seed
        self.actors: list[Actor] = []
        self._ends_at = time.monotonic() + seconds
        self._ends_at_last = time.monotonic() + 3 * seconds

    @property
    def is_over(self) -> bool:
        """Return whether the curtain has fallen."""
        now = time.monotonic()
        if self._ends_at <= now < self._ends_at_last and all(actor.is_content for actor in self.actors):
            self._ends_at_last = now
        return now >= self._ends_at_last

    def perform(self) -> None:
        """Let all act until it is over; fails where one of them did."""
        for actor in self.actors:
            actor.start()
        for actor in self.actors:
            actor.join()
        for failure in [actor.failure for actor in self.actors if actor.failure is not None]:
            raise failure


class Actor(threading.Thread):
    """Acts until the play is over. What goes wrong in it is kept for the test."""

    def __init__(self, play: Play, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.chance = random.Random(f"{play.seed}:{name}")
        self.play = play
        self.failure: BaseException | None = None
        play.actors.append(self)

    @property
    def is_content(self) -> bool:
        """Whether this one has done enough."""
        return True

    def run(self) -> None:
        """Act."""
        try:
            self.act()
        except BaseException as error:  # the thread's outer edge: the test asks for it
            self.failure = error

    def act(self) -> None:
        """What this one does."""
        raise NotImplementedError

    def rest(self, least: float, most: float) -> bool:
        """Wait for a random time; return whether there is time for one more act."""
        return self.wait_for(lambda: False, self.chance.uniform(least, most))

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60.0) -> bool:
        """Wait until something is true, for so long at most; return whether there is time for one more act."""
        ends_at = time.monotonic() + seconds
        while not self.play.is_over and time.monotonic() < ends_at and not condition():
            time.sleep(0.02)
        return not self.play.is_over


class Trainer(Actor):
    """Trains one run after the other: kills the process at random and has the next resume, until one ends well."""

    def __init__(self, play: Play, bench: Bench, number: int) -> None:
        super().__init__(play, f"trainer{number}")
        self._bench, self._number = bench, number
        self.folder = bench.folder / "wandb" if number == 0 else bench.folder / f"wandb/team{number}"
        self.stories: list[Story] = []

    @property
    def is_content(self) -> bool:
        """Whether some processes that had logged were killed."""
        attempts = [attempt for story in self.stories for attempt in story.attempts]
        return sum(attempt.was_killed and attempt.logged > 0 for attempt in attempts) >= 3

    def act(self) -> None:
        """Train."""
        self.folder.mkdir(parents=True, exist_ok=True)
        while not self.play.is_over:
            story = Story(f"t{self._number}r{len(self.stories)}", self.chance.randrange(1 << 30))
            self.stories.append(story)
            is_over = False
            while not is_over:
                is_over = self._attempt(story)

    def _attempt(self, story: Story) -> bool:
        """Let a process train; return whether the run ended well."""
        number = len(story.attempts)
        is_last = number > 0 and (self.chance.random() < 0.25 or self.play.is_over)
        process = self._process(story, number, self.chance.randrange(5, _LAST_CALLS) if is_last else 10**6)
        assert process.stdout is not None
        if not is_last:
            self.rest(0.5, 8.0)
            process.send_signal(signal.SIGKILL)
        said = process.stdout.read()
        process.stdout.close()
        assert process.wait() == (0 if is_last else -signal.SIGKILL), f"{story.run_id}: see its messages"
        logged, saved, artifacts = (said.count(byte) for byte in (b".", b"s", b"a"))
        story.attempts.append(Attempt(number, logged, saved, artifacts, was_killed=not is_last))
        return is_last

    def _process(self, story: Story, number: int, calls: int) -> subprocess.Popen[bytes]:
        arguments = [story.run_id, str(story.seed), str(number), str(calls), str(_PAUSE_SECONDS)]
        with (self._bench.folder / f"{self.name}.messages").open("ab") as messages:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.crash.loop", *arguments],
                cwd=ROOT,
                env={**self._bench.environment, "WANDB_DIR": str(self.folder), "WANDB_SILENT": "true"},
                stdout=subprocess.PIPE,
                stderr=messages,
            )


class DaemonsEnemy(Actor):
    """Kills the daemon, mostly in the hard way, and starts it again."""

    def __init__(self, play: Play, daemon: DaemonMachine) -> None:
        super().__init__(play, "daemons-enemy")
        self._daemon = daemon
        self.kills = 0

    @property
    def is_content(self) -> bool:
        """Whether it was killed often enough."""
        return self.kills >= 5

    def act(self) -> None:
        """Kill and start."""
        while self.rest(0.2, 3.0):
            if self.chance.random() < 0.8:  # the others die while they begin
                self.wait_for(self._daemon.is_up)
                self.rest(0.0, 8.0)
            if self.chance.random() < 0.8:
                assert self._daemon.is_alive(), "the daemon died by itself"
                self._daemon.kill()
            else:
                # The signal may come while Python has hardly begun, and has heard of no signals yet.
                assert self._daemon.end() in (0, -signal.SIGTERM)
            self.kills += 1
            self.rest(0.0, 0.5)
            self._daemon.start()


class HubsEnemy(Actor):
    """Kills the hub, and starts it again after a while."""

    def __init__(self, play: Play, hub: HubMachine) -> None:
        super().__init__(play, "hubs-enemy")
        self._hub = hub
        self.kills = 0

    @property
    def is_content(self) -> bool:
        """Whether it was killed often enough."""
        return self.kills >= 2

    def act(self) -> None:
        """Kill and start."""
        while self.rest(4.0, 12.0):
            assert self._hub.is_alive(), "the hub died by itself"
            self._hub.kill()
            self.kills += 1
            self.rest(0.0, 2.0)
            self._hub.start()


class LinesEnemy(Actor):
    """Takes the network away at times, and does something to every fourth request while it is there."""

    def __init__(self, play: Play) -> None:
        super().__init__(play, "lines-enemy")
        self.proxy: Proxy | None = None
        self.befell: dict[Fault, int] = {}
        self.cuts = 0
        self._choosing = threading.Lock()

    @property
    def is_content(self) -> bool:
        """Whether the line was bad enough."""
        return self.cuts >= 2 and sum(count for fault, count in self.befell.items() if fault is not passed) >= 10

    def act(self) -> None:
        """Cut and mend."""
        assert self.proxy is not None
        while self.rest(5.0, 15.0):
            self.proxy.set_cut(True)
            self.cuts += 1
            self.rest(0.5, 3.0)
            self.proxy.set_cut(False)

    def told(self) -> dict[str, int]:
        """Return how many requests met with what."""
        return {getattr(fault, "__name__", str(fault)): count for fault, count in self.befell.items()}

    def choose(self, exchange: Exchange) -> Fault:
        """Return what is done to a request."""
        with self._choosing:
            fault: Fault = passed
            if not self.play.is_over and self.chance.random() < _FAULTS_SHARE:
                fault = self.chance.choice(ANY_TIME)
            self.befell[fault] = self.befell.get(fault, 0) + 1
            return fault


class Bystander(Actor):
    """Reads, and delivers by hand what the daemon delivers at the same time."""

    # Not all that is asked can be done in such times; but each command says so in a sentence.
    CODES = frozenset((0, 1, 5))

    def __init__(self, play: Play, bench: Bench) -> None:
        super().__init__(play, "bystander")
        self._bench = bench
        self.codes: dict[str, list[int]] = {}

    def act(self) -> None:
        """Ask."""
        while self.rest(1.0, 5.0):
            command = self.chance.choice(
                (("sync", "--json"), ("runs", "list", "--json"), ("daemon", "status"), ("status",))
            )
            done = self._bench.command(*command)
            self.codes.setdefault(command[0], []).append(done.returncode)
            assert done.returncode in self.CODES, f"{command}: {done.returncode}: {done.stderr}"
