/** A confusion matrix, as a table: rows are what is true, columns what was predicted. */
import { short } from "../../parts/words";
import type { Drawing } from "./presets";

export function Matrix({ drawing }: { drawing: Extract<Drawing, { kind: "matrix" }> }) {
  const { classes, counts } = drawing;
  const sums = counts.map((row) => row.reduce((sum, count) => sum + count, 0));
  return (
    <div class="media-table-scroll">
      <table class="media-matrix">
        <caption>actual ↓, predicted →</caption>
        <thead>
          <tr><td />{classes.map((name) => <th key={name} scope="col">{name}</th>)}</tr>
        </thead>
        <tbody>
          {counts.map((row, at) => (
            <tr key={classes[at]}>
              <th scope="row">{classes[at]}</th>
              {row.map((count, column) => (
                <td key={column} style={{ "--share": String(count / (sums[at] || 1)) }} title={`${short((100 * count) / (sums[at] || 1))} % of ${classes[at]}`}>{short(count)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
