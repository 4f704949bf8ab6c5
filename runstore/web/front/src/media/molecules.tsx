/** Molecules, drawn by 3Dmol.js, which comes with the first of them. */
import { useEffect, useState } from "preact/hooks";
import { bytesAt } from "./bytes";
import { Caption, Download, Gone, Rest } from "./item";
import { useSeen } from "./seen";
import type { Files, Item } from "./types";

const MOST_BYTES = 32 << 20;
/** Above so many atoms a chain is drawn as a ribbon. */
const FEW_ATOMS = 200;

/** Ending of a file -> what the library calls its format. */
const FORMATS: Record<string, string> = { pdb: "pdb", pqr: "pqr", mmcif: "mcif", mcif: "mcif", cif: "cif", sdf: "sdf", sd: "sdf", mol: "sdf", gro: "gro", mol2: "mol2", mmtf: "mmtf", xyz: "xyz" };

export default function Molecules({ view }: { view: Files }) {
  return (
    <div class="media-items">
      {view.items.map((item, place) => (
        <figure key={place}>
          {item.src ? <Molecule key={item.src} item={item} src={item.src} /> : <Gone item={item} />}
          <Caption item={item} />
          <Download item={item} />
        </figure>
      ))}
      <Rest shown={view.items.length} count={view.count} />
    </div>
  );
}

function Molecule({ item, src }: { item: Item; src: string }) {
  const [element, isSeen] = useSeen<HTMLDivElement>();
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    const place = element.current;
    if (!isSeen || !place) return;
    const abort = new AbortController();
    draw(place, item.name, src, abort.signal).catch((error: Error) => abort.signal.aborted || setTrouble(error.message));
    return () => {
      abort.abort();
      for (const canvas of place.querySelectorAll("canvas")) (canvas.getContext("webgl2") ?? canvas.getContext("webgl"))?.getExtension("WEBGL_lose_context")?.loseContext();
      place.replaceChildren();
    };
  }, [isSeen, src]);
  return (
    <>
      <div ref={element} class="media-solid" role="img" aria-label={item.caption ?? item.name} />
      {trouble && <p class="error">{trouble}</p>}
    </>
  );
}

async function draw(place: HTMLElement, name: string, src: string, signal: AbortSignal): Promise<void> {
  const format = FORMATS[name.slice(name.lastIndexOf(".") + 1).toLowerCase()];
  if (!format) throw new Error("Files of this type are not drawn here.");
  const [library, bytes] = await Promise.all([import("3dmol/build/3Dmol.es6-min.js"), bytesAt(src, MOST_BYTES, signal)]);
  const data = format === "mmtf" ? new Uint8Array(bytes) : new TextDecoder().decode(bytes);
  if (signal.aborted) return;
  const viewer = library.createViewer(place, { backgroundColor: "#10141a", antialias: true });
  if (!viewer) throw new Error("This browser draws nothing in three dimensions (WebGL is off).");
  const model = viewer.addModel(data, format);
  const atoms = model.selectedAtoms({}).length;
  if (!atoms) throw new Error("The file holds no atoms.");
  if (atoms > FEW_ATOMS) {
    viewer.setStyle({}, { cartoon: { color: "spectrum" } });
    viewer.setStyle({ hetflag: true }, { stick: { radius: 0.15 }, sphere: { scale: 0.2 } });
  } else {
    viewer.setStyle({}, { stick: { radius: 0.14 }, sphere: { scale: 0.27 } });
  }
  viewer.zoomTo();
  viewer.render();
}
