/** Masks: pictures whose pixels are numbers of classes, from 0 to 255 in the red channel. */
import { classRgb } from "./classes";

/** Paint classes of a mask in their colours; class 0 most often is the ground, which stays clear unless it is named. */
export function painted(pixels: Uint8ClampedArray<ArrayBuffer>, isShown: (id: number) => boolean): Uint8ClampedArray<ArrayBuffer> {
  const colors = new Uint8ClampedArray(256 * 4);
  for (let id = 0; id < 256; id++) if (isShown(id)) colors.set([...classRgb(id), 255], id * 4);
  const out = new Uint8ClampedArray(pixels.length);
  for (let at = 0; at < pixels.length; at += 4) {
    const from = (pixels[at] ?? 0) * 4;
    out[at] = colors[from] ?? 0;
    out[at + 1] = colors[from + 1] ?? 0;
    out[at + 2] = colors[from + 2] ?? 0;
    out[at + 3] = colors[from + 3] ?? 0;
  }
  return out;
}

/** Which classes are in a mask, in order. */
export function classesIn(pixels: Uint8ClampedArray): number[] {
  const found = new Uint8Array(256);
  for (let at = 0; at < pixels.length; at += 4) found[pixels[at] ?? 0] = 1;
  return [...found.keys()].filter((id) => found[id]);
}

/** The pixels of a loaded picture, RGBA; null where the browser gives none. */
export function pixelsOf(image: HTMLImageElement): ImageData | null {
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context || !canvas.width || !canvas.height) return null;
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
