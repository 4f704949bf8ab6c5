/** The data of a chart as a table, for who can't see it, and for who wants to know exactly. */
import { Dialog } from "../parts/dialog";
import { kindOf, placeInWords } from "./axes";
import { type Chart, tableOf } from "./saving";
import { value4 } from "./words";
import "../style/sheet.css";

interface DataTableProps {
  title: string;
  chart: Chart;
  onClose: () => void;
}

export default function DataTable({ title, chart, onClose }: DataTableProps) {
  return <Dialog title={title} kind="wide" onClose={onClose}><Data chart={chart} /></Dialog>;
}

function Data({ chart }: { chart: Chart }) {
  const { head, rows } = tableOf(chart);
  const { x, width } = chart.data;
  const says = kindOf(x) === "step" && width > 1 ? `Each row is the average of ${width.toLocaleString("en")} steps, but for the first and the last point of a run.` : "Each row is one point.";
  return (
    <div class="wide datatable" tabIndex={0}>
      <table class="sheet">
        <caption class="quiet">{width ? says : "Each row is one point."}{chart.lines.some((line) => line.raw !== line.spots) && " Values are smoothed, as in the chart."}</caption>
        <thead><tr>{head.map((name, place) => <th key={place} scope="col" class="number">{name}</th>)}</tr></thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row[0]}>
              {row.map((value, place) => (place ? <td key={place} class="number">{value === null ? "" : value4(value)}</td> : <th key={place} scope="row" class="number">{kindOf(x) === "value" ? value4(value) : placeInWords(x, value ?? 0, 1).replace(/^step /, "")}</th>))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
