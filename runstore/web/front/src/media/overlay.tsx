/** Masks and boxes over one picture. */
import { useContext, useEffect, useRef } from "preact/hooks";
import { address } from "./bytes";
import { classColor, className, type Hidden, isHidden } from "./classes";
import { Looks } from "./layers";
import { painted, pixelsOf } from "./masks";
import type { Box, BoxLayer, Mask, Picture } from "./types";

export function Overlay({ picture }: { picture: Picture }) {
  const { hidden, opacity } = useContext(Looks);
  return (
    <>
      {picture.masks?.map((mask) => mask.src && !hidden.has(mask.name) && <Painted key={mask.src} mask={mask} src={mask.src} hidden={hidden} opacity={opacity} />)}
      {picture.boxes?.map((layer) => !hidden.has(layer.name) && <Boxes key={layer.name} layer={layer} hidden={hidden} />)}
    </>
  );
}

function Painted({ mask, src, hidden, opacity }: { mask: Mask; src: string; hidden: Hidden; opacity: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const pixels = useRef<ImageData | null>(null);
  const paint = () => {
    const data = pixels.current;
    const element = canvas.current;
    if (!data || !element) return;
    element.width = data.width;
    element.height = data.height;
    const isShown = (id: number) => !isHidden(hidden, mask.name, id);
    element.getContext("2d")?.putImageData(new ImageData(painted(data.data as Uint8ClampedArray<ArrayBuffer>, isShown), data.width, data.height), 0, 0);
  };
  const latest = useRef(paint);
  latest.current = paint;
  useEffect(() => {
    const image = new Image();
    image.onload = () => {
      pixels.current = pixelsOf(image);
      latest.current();
    };
    image.src = address(src);
    return () => {
      image.onload = null;
    };
  }, [src]);
  useEffect(paint, [hidden]);
  return <canvas ref={canvas} class="media-mask" style={{ opacity }} aria-label={`mask ${mask.name}`} role="img" />;
}

function Boxes({ layer, hidden }: { layer: BoxLayer; hidden: Hidden }) {
  const shown = layer.boxes.filter((box) => !isHidden(hidden, layer.name, box.id));
  return (
    <span class="media-boxes">
      {shown.map((box, place) => (
        <span key={place} class="media-box" style={frame(box)} title={words(box, layer)}>
          <span class="media-box-label" style={{ background: classColor(box.id) }}>{box.caption ?? className(layer.classes, box.id)}</span>
        </span>
      ))}
    </span>
  );
}

function frame({ at: [left, top, right, bottom], id }: Box) {
  const percent = (part: number) => `${(part * 100).toFixed(3)}%`;
  return { left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top), borderColor: classColor(id) };
}

function words(box: Box, layer: BoxLayer): string {
  const scores = Object.entries(box.scores ?? {}).map(([name, score]) => `${name} ${score}`);
  return [className(layer.classes, box.id), box.caption, ...scores].filter(Boolean).join("\n");
}
