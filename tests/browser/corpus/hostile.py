"""Names, notes, values and files that try to be more than text. `window.hacked` must stay undefined."""

from pathlib import Path

import runstore

SCRIPT = "<script>window.hacked=1</script>"
IMAGE = '"><img src=x onerror="window.hacked=1">'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="window.hacked=1"><script>top.hacked=1</script></svg>'
PAGE = """<p id="said">inside</p><script>
  const say = (word) => { document.getElementById("said").textContent += " " + word; };
  say("scripts run");
  try { parent.hacked = 1; say("parent reached"); } catch (error) { say("no parent"); }
  try { localStorage.getItem("x"); say("storage reached"); } catch (error) { say("no storage"); }
  fetch("/api/projects").then(() => say("api reached"), () => say("no api"));
</script>"""

run = runstore.init(
    project="<img src=x onerror=window.hacked=1>",
    id="hostile",
    name=IMAGE,
    notes=f"{SCRIPT} {IMAGE} [click](javascript:window.hacked=1)",
    tags=[IMAGE[:60], "=1+1"],
    group="../../etc",
    config={"__proto__": {"polluted": 1}, IMAGE: SCRIPT, "url": "javascript:window.hacked=1", "lr": 0.5},
)
for step in range(30):
    run.log({f"loss/{IMAGE}": 1 / (step + 1), "=cmd|' /C calc'!A0": step, "__proto__": step, "constructor": step})
run.log({"page": runstore.Html(PAGE, inject=False)})
run.log({"table": runstore.Table(columns=["=HYPERLINK", IMAGE], data=[["=1+1", SCRIPT], ["@SUM(1)", IMAGE]])})
for name, text in (("evil.svg", SVG), ("evil.html", PAGE), ("=cmd.txt", SCRIPT), ("strange.bin", SVG)):
    Path(name).write_text(text, encoding="utf-8")
    run.save(name)
print(f"{SCRIPT} {IMAGE}")
run.finish()

# A link that leads out of the run's folder, as somebody who may write there can make one.
(Path(run.dir) / "secret.txt").symlink_to("/etc/passwd")
# The same name twice, written in another direction, and one that only looks empty.
for run_id, name in (("rtl", "\u202egnp.exe"), ("blank", "\u200b\u2063"), ("dots", "..")):
    with runstore.init(project="..", id=run_id, name=name) as other:
        other.log({"loss": 1.0})
