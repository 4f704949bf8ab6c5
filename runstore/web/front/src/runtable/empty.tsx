/** Why there are no rows: no run yet, or none that fulfils the filter, and which term is to blame. */
import { many } from "../parts/words";
import { HowToLog } from "./howto";
import type { NoRowsProps } from "./norows";
import "../style/empty.css";

export default function Why({ runs, onFilter }: NoRowsProps) {
  if (!runs.all) return <div class="empty"><p>This project has no runs.</p><HowToLog /></div>;
  return (
    <div class="empty">
      <p>None of {many(runs.all, "run")} fulfils this filter.</p>
      {runs.terms.length > 1 && (
        <table class="terms">
          <thead><tr><th scope="col">term</th><th scope="col" class="number">alone</th><th scope="col" class="number">without it</th></tr></thead>
          <tbody>
            {runs.terms.map((term, at) => (
              <tr key={at} class={term.runs === 0 ? "kills" : term.others > 0 ? "blocks" : ""}>
                <th scope="row"><code>{term.text}</code></th>
                <td class="number">{term.runs.toLocaleString("en")}</td>
                <td class="number">
                  {term.others > 0 ? (
                    <button type="button" class="link" title="Leave this term out" onClick={() => onFilter(runs.terms.filter((one) => one !== term).map((one) => one.text).join(" "))}>
                      {term.others.toLocaleString("en")}
                    </button>
                  ) : "0"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <button type="button" class="button" onClick={() => onFilter("")}>Clear the filter</button>
    </div>
  );
}
