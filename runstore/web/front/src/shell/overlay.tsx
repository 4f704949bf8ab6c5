/** All keys that work on the page that is shown. */
import { Dialog } from "../parts/dialog";
import { type Key, keysNow, overlay } from "./keys";
import "../style/keys.css";

export default function KeyOverlay() {
  const groups = new Map<string, Key[]>();
  for (const key of keysNow()) {
    const where = key.where ?? "This page";
    groups.set(where, [...(groups.get(where) ?? []), key]);
  }
  return (
    <Dialog title="Keys" onClose={() => overlay.set(false)}>
      <div class="keys">
        {[...groups].map(([where, keys]) => (
          <section key={where}>
            <h3>{where}</h3>
            <dl>
              {keys.map((key) => (
                <div key={key.keys}>
                  <dt>{key.keys.split(" ").map((one) => <kbd key={one}>{one}</kbd>)}</dt>
                  <dd>{key.says}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
