/** Point clouds, scenes and models, to be turned around. This chunk, with three.js in it, comes with the first of them. */
import { useEffect, useState } from "preact/hooks";
import { many } from "../parts/words";
import { bytesAt, textAt } from "./bytes";
import { Caption, Download, Gone, Rest } from "./item";
import { MOST_POINTS, type Scene, sceneOf } from "./points";
import { useSeen } from "./seen";
import { Stage } from "./stage";
import type { Files, Item } from "./types";

const MOST_BYTES = 64 << 20;

export default function Solids({ view }: { view: Files }) {
  return (
    <div class="media-items">
      {view.items.map((item, place) => (
        <figure key={place}>
          {item.src ? <Solid key={item.src} item={item} src={item.src} /> : <Gone item={item} />}
          <Caption item={item} />
          <Download item={item} />
        </figure>
      ))}
      <Rest shown={view.items.length} count={view.count} />
    </div>
  );
}

/** A browser draws some 16 such at once; what is out of sight lets its own go. */
function Solid({ item, src }: { item: Item; src: string }) {
  const [element, isSeen] = useSeen<HTMLDivElement>();
  const [said, setSaid] = useState("…");
  useEffect(() => {
    if (!isSeen || !element.current) return;
    const abort = new AbortController();
    let stage: Stage | undefined;
    try {
      stage = new Stage(element.current);
    } catch {
      setSaid("This browser draws nothing in three dimensions (WebGL is off).");
      return;
    }
    shown(stage, item.name, src, abort.signal).then(setSaid, (error: Error) => abort.signal.aborted || setSaid(error.message));
    return () => {
      abort.abort();
      stage?.close();
    };
  }, [isSeen, src]);
  return (
    <>
      <div ref={element} class="media-solid" role="img" aria-label={item.caption ?? item.name} tabIndex={0} />
      {said && <p class="quiet">{said}</p>}
    </>
  );
}

/** Put a file on the stage; returns what is to be said about it. */
async function shown(stage: Stage, name: string, src: string, signal: AbortSignal): Promise<string> {
  const ending = name.slice(name.lastIndexOf(".")).toLowerCase();
  if (ending === ".json") {
    const scene = sceneOf(JSON.parse((await textAt(src, MOST_BYTES, signal)).replace(/\bNaN\b/g, "null")));
    if (!scene) return "The file holds no points.";
    stage.show(scene);
    return sizeOf(scene);
  }
  if (ending === ".obj" || ending === ".stl" || ending === ".gltf" || ending === ".glb") {
    await stage.load(await bytesAt(src, MOST_BYTES, signal), ending, signal);
    return "";
  }
  return `Files of the type ${ending} are not drawn here.`;
}

function sizeOf({ count, boxes, vectors }: Scene): string {
  const parts = [
    count > MOST_POINTS ? `every ${Math.ceil(count / MOST_POINTS)}th of ${count.toLocaleString("en")} points` : count ? many(count, "point") : "",
    boxes.length ? many(boxes.length, "box", "boxes") : "",
    vectors.length ? many(vectors.length, "vector") : "",
  ];
  return parts.filter(Boolean).join(", ");
}
