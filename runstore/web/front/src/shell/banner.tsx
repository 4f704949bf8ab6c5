/** Says that the server is gone, or that it does not know us; what was shown last stays below. */
import { type Connection, connection, look, trouble } from "./changes";
import { useStore } from "./store";

const SENTENCES: Record<Exclude<Connection, "good">, string> = {
  gone: "The server does not answer: it was stopped, or the tunnel to it is closed. What you see is from before.",
  refused: "The server does not know this browser: open the address that `runstore ui` printed, with its token; of a hub, its address with #token=TOKEN.",
};

export function Banner() {
  const now = useStore(connection);
  const why = useStore(trouble);
  if (now === "good" && !why) return null;
  return (
    <p class="banner" role="alert">
      <span>{now === "good" ? why : SENTENCES[now]}</span>
      <button type="button" class="button" onClick={() => void look()}>Try again</button>
    </p>
  );
}
