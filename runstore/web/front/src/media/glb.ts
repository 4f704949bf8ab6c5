/**
 * Models in glTF's text form, made into its binary form: their loader fetches the data URLs of buffers, which our policy
 * does not let anything fetch.
 */

const MAGIC = 0x46546c67; // "glTF"
const JSON_CHUNK = 0x4e4f534a;
const BINARY_CHUNK = 0x004e4942;

interface Gltf {
  buffers?: { uri?: string; byteLength: number }[];
}

/** The model with its one buffer inside; as it is where the buffer is elsewhere, or is not the only one. */
export function binaryOf(text: string): ArrayBuffer | string {
  const model = JSON.parse(text) as Gltf;
  const [buffer, ...others] = model.buffers ?? [];
  const found = /^data:[^,]*;base64,(.*)$/s.exec(buffer?.uri ?? "");
  if (!buffer || others.length || !found) return text;
  delete buffer.uri;
  const bytes = Uint8Array.from(atob(found[1] ?? ""), (letter) => letter.charCodeAt(0));
  return packed(new TextEncoder().encode(JSON.stringify(model)), bytes);
}

/** A header, and two chunks, each filled up to a multiple of four bytes: text with blanks, bytes with zeros. */
function packed(text: Uint8Array, bytes: Uint8Array): ArrayBuffer {
  const [textSize, byteSize] = [text, bytes].map((part) => Math.ceil(part.length / 4) * 4) as [number, number];
  const out = new ArrayBuffer(12 + 8 + textSize + 8 + byteSize);
  const view = new DataView(out);
  const header = [MAGIC, 2, out.byteLength, textSize, JSON_CHUNK];
  header.forEach((word, place) => view.setUint32(place * 4, word, true));
  new Uint8Array(out, 20, textSize).fill(0x20);
  new Uint8Array(out).set(text, 20);
  view.setUint32(20 + textSize, byteSize, true);
  view.setUint32(24 + textSize, BINARY_CHUNK, true);
  new Uint8Array(out).set(bytes, 28 + textSize);
  return out;
}
