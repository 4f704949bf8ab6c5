/** Where a run was recorded, by what, from which code. */
import { duration, many, moment, size } from "../parts/words";
import { link } from "../shell/router";
import { isTree } from "./branches";
import { Copied } from "./copied";
import type { LogFacts, Run, Tree, Value } from "./types";

export function Facts({ run }: { run: Run }) {
  const { still } = run;
  const machine = still.metadata ?? {};
  const started = run.created_at;
  const command = commandOf(machine, still.program);
  return (
    <section class="part" aria-label="Facts">
      <header><h2>Where it ran</h2></header>
      <dl class="facts">
        <Fact name="Command">{command && <Copied text={command} code />}</Fact>
        <Fact name="In the folder">{text(machine.root) && <Copied text={text(machine.root)} code />}</Fact>
        <Fact name="Git commit">{still.git_commit && <Copied text={still.git_commit} shown={still.git_commit.slice(0, 12)} code />}</Fact>
        <Fact name="Git remote">{still.git_remote && <Copied text={still.git_remote} />}</Fact>
        <Fact name="Host">{[still.host, text(machine.username) && `user ${text(machine.username)}`, still.pid > 0 && `pid ${still.pid}`].filter(Boolean).join(", ")}</Fact>
        <Fact name="System">{text(machine.os)}</Fact>
        <Fact name="Python">{[text(machine.python), text(machine.executable)].filter(Boolean).join(", ")}</Fact>
        <Fact name="Processor">{processor(machine)}</Fact>
        <Fact name="GPU">{graphics(machine)}</Fact>
        <Fact name="Started">{moment(started)}</Fact>
        <Fact name="Last sign of life">{moment(run.heartbeat_at)}{run.heartbeat_at > started && `, ${duration(run.heartbeat_at - started)} later`}</Fact>
        <Fact name="Exit code">{run.exit_code === null ? "" : String(run.exit_code)}</Fact>
        <Fact name="Group">{still.group}</Fact>
        <Fact name="Job type">{still.job_type}</Fact>
        <Fact name="Sweep">{still.sweep}</Fact>
        <Fact name="Run id"><Copied text={run.id} code /></Fact>
        <Fact name="Recorded by">{still.writer}</Fact>
        <Fact name="Packages"><a href={link(`r/${run.ref}`, { tab: "files", file: "requirements.txt" })}>requirements.txt</a></Fact>
      </dl>
    </section>
  );
}

/** One line of facts; nothing where there is nothing to say. */
function Fact({ name, children }: { name: string; children?: preact.ComponentChildren }) {
  if (!children) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

export function Logs({ logs }: { logs: LogFacts[] }) {
  const lost = logs.reduce((sum, log) => sum + log.lost_bytes, 0);
  const missing = logs.reduce((sum, log) => sum + log.missing, 0);
  return (
    <section class="part" aria-label="Logs on disk">
      <header>
        <h2>On disk</h2>
        <span class="quiet">{logs.length > 1 ? many(logs.length, "log") : ""}</span>
      </header>
      {(lost > 0 || missing > 0) && (
        <p class="notice bad">
          Damaged: {size(lost)} can’t be read, {many(missing, "record")} missing. All else is intact; <code class="code">runstore verify --show-lost</code> shows where.
        </p>
      )}
      <ul class="logfiles">
        {logs.map((log) => (
          <li key={log.path}>
            <Copied text={log.path} code />
            <span class="quiet">
              {[KINDS[log.kind] ?? log.kind, moment(log.started_at), log.rows > 0 && many(log.rows, "row"), size(log.size), log.branch_run && `forked from ${log.branch_run} at step ${log.branch_step}`, log.lost_bytes > 0 && `${size(log.lost_bytes)} lost`].filter(Boolean).join(" · ")}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const KINDS: Record<string, string> = { "": "by a stock tool", start: "begun", resume: "resumed", rewind: "set back", rank: "another process", successor: "after a failed write", edit: "edits" };

/** The command line that the run was begun with, as a shell would take it. */
export function commandOf(machine: Tree, program: string): string {
  const args = Array.isArray(machine.args) ? machine.args.map(String) : [];
  const script = text(machine.program) || program;
  return script ? ["python", script, ...args].map(quoted).join(" ") : "";
}

function quoted(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function processor(machine: Tree): string {
  const model = isTree(machine.cpu) ? text(machine.cpu.model) : "";
  const cores = Number(machine.cpu_count_logical ?? machine.cpu_count);
  const memory = isTree(machine.memory) ? Number(machine.memory.total) : 0;
  return [model, cores > 0 && `${cores} ${cores === 1 ? "core" : "cores"}`, memory > 0 && `${size(memory)} memory`].filter(Boolean).join(", ");
}

function graphics(machine: Tree): string {
  const cards = Array.isArray(machine.gpu_nvidia) ? machine.gpu_nvidia : Array.isArray(machine.gpu_amd) ? machine.gpu_amd : [];
  const names = cards.map((card) => (isTree(card) ? text(card.name) : "")).filter(Boolean);
  if (!names.length) return text(machine.gpu);
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count > 1 ? `${count} × ${name}` : name)).join(", ");
}

function text(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}
