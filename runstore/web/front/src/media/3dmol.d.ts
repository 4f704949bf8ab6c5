/** As much of 3Dmol.js as is used here; its own types need a newer browser library than this project declares. */
declare module "3dmol/build/3Dmol.es6-min.js" {
  interface Model {
    selectedAtoms(selection: object): readonly object[];
  }
  interface Viewer {
    addModel(data: string | Uint8Array, format: string): Model;
    setStyle(selection: object, style: object): void;
    zoomTo(): void;
    render(): void;
  }
  export function createViewer(element: HTMLElement, config: object): Viewer | undefined;
}
