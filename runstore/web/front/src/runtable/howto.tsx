/** The three lines that log something. */
import "../style/howto.css";

const EXAMPLE = `import runstore
run = runstore.init(project="first")
run.log({"loss": 0.5})`;

export function HowToLog() {
  return <pre class="example"><code>{EXAMPLE}</code></pre>;
}
