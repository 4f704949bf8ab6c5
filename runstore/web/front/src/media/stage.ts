/** One three-dimensional picture: a camera that is moved by pointer and keys, and what it looks at. */
import {
  AmbientLight, Box3, BufferAttribute, BufferGeometry, Color, DirectionalLight, LineBasicMaterial, LineSegments, Mesh, MeshStandardMaterial,
  type Object3D, PerspectiveCamera, Points, PointsMaterial, Scene as Space, TextureLoader, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { binaryOf } from "./glb";
import { edgesOf, type Point, type Scene } from "./points";

const BACKGROUND = 0x10141a;
const TURN = 0.12; // radians for a press of an arrow key

export class Stage {
  private readonly renderer = new WebGLRenderer({ antialias: true });
  private readonly camera = new PerspectiveCamera(50, 4 / 3, 0.01, 1000);
  private readonly space = new Space();
  private readonly controls: OrbitControls;
  private readonly resized: ResizeObserver;
  private isAsked = false;

  constructor(private readonly place: HTMLElement) {
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.space.background = new Color(BACKGROUND);
    this.space.add(new AmbientLight(0xffffff, 1.2));
    const sun = new DirectionalLight(0xffffff, 2);
    this.camera.add(sun);
    this.space.add(this.camera);
    place.append(this.renderer.domElement);
    this.controls = new OrbitControls(this.camera, this.renderer.domElement);
    this.controls.addEventListener("change", this.ask);
    place.addEventListener("keydown", this.turn);
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(place);
    this.fit();
  }

  /** Show points, boxes and vectors. */
  show(scene: Scene): void {
    if (scene.positions.length) {
      const geometry = new BufferGeometry();
      geometry.setAttribute("position", new BufferAttribute(scene.positions, 3));
      geometry.setAttribute("color", new BufferAttribute(scene.colors, 3));
      this.space.add(new Points(geometry, new PointsMaterial({ size: 2, sizeAttenuation: false, vertexColors: true })));
    }
    for (const box of scene.boxes) this.space.add(lines(edgesOf(box.corners).flatMap(([one, other]) => [box.corners[one], box.corners[other]]), box.color));
    if (scene.vectors.length) this.space.add(lines(scene.vectors.flat(), [1, 0.9, 0.3]));
    this.look();
  }

  /** Show the model in a file with such an ending. Refuses one that refers to other files. */
  async load(bytes: ArrayBuffer, ending: string, signal: AbortSignal): Promise<void> {
    const model = await parsed(bytes, ending);
    if (signal.aborted) return;
    this.space.add(model);
    this.look();
  }

  /** Let go of what the browser has few of. */
  close(): void {
    this.resized.disconnect();
    this.controls.dispose();
    this.place.removeEventListener("keydown", this.turn);
    this.space.traverse((one) => {
      if (one instanceof Mesh || one instanceof Points || one instanceof LineSegments) one.geometry.dispose();
    });
    this.renderer.dispose();
    this.renderer.forceContextLoss();
    this.renderer.domElement.remove();
  }

  /** Look at all of it, from above and the side. */
  private look(): void {
    const box = new Box3();
    for (const one of this.space.children) if (one !== this.camera) box.expandByObject(one);
    if (box.isEmpty()) return;
    const middle = box.getCenter(new Vector3());
    const size = box.getSize(new Vector3()).length() || 1;
    this.camera.near = size / 1000;
    this.camera.far = size * 20;
    this.camera.position.copy(middle).add(new Vector3(0.7, 0.55, 1).multiplyScalar(size * 0.75));
    this.camera.updateProjectionMatrix();
    this.controls.target.copy(middle);
    this.controls.update();
    this.ask();
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (!width || !height) return;
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.ask();
  }

  private readonly turn = (event: KeyboardEvent): void => {
    const angles: Record<string, [number, number]> = { ArrowLeft: [-TURN, 0], ArrowRight: [TURN, 0], ArrowUp: [0, -TURN], ArrowDown: [0, TURN] };
    const by = angles[event.key];
    const nearer = event.key === "+" ? 0.85 : event.key === "-" ? 1 / 0.85 : 0;
    if (!by && !nearer) return;
    event.preventDefault();
    const offset = this.camera.position.clone().sub(this.controls.target);
    if (nearer) offset.multiplyScalar(nearer);
    if (by) {
      offset.applyAxisAngle(new Vector3(0, 1, 0), by[0]);
      offset.applyAxisAngle(new Vector3().crossVectors(new Vector3(0, 1, 0), offset).normalize(), by[1]);
    }
    this.camera.position.copy(this.controls.target).add(offset);
    this.controls.update();
    this.ask();
  };

  /** Draw at the next frame; nothing moves by itself, so nothing is drawn between. */
  private readonly ask = (): void => {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.renderer.render(this.space, this.camera);
    });
  };
}

function lines(points: readonly (Point | undefined)[], color: Point): LineSegments {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(points.flatMap((point) => point ?? [0, 0, 0])), 3));
  return new LineSegments(geometry, new LineBasicMaterial({ color: new Color(...color) }));
}

/** Loaders come one by one: a point cloud needs none. */
async function parsed(bytes: ArrayBuffer, ending: string): Promise<Object3D> {
  const paint = new MeshStandardMaterial({ color: 0xb8c4d6, roughness: 0.8, metalness: 0.05, flatShading: true, side: 2 });
  if (ending === ".stl") {
    const { STLLoader } = await import("three/examples/jsm/loaders/STLLoader.js");
    return new Mesh(new STLLoader().parse(bytes), paint);
  }
  if (ending === ".obj") {
    const { OBJLoader } = await import("three/examples/jsm/loaders/OBJLoader.js");
    const model = new OBJLoader().parse(new TextDecoder().decode(bytes));
    model.traverse((one) => {
      if (one instanceof Mesh) one.material = paint;
    });
    return model;
  }
  const { GLTFLoader } = await import("three/examples/jsm/loaders/GLTFLoader.js");
  const loader = new GLTFLoader();
  // Pictures inside of a model come by blob URLs: our policy lets images be made of these, and nothing else.
  loader.register((parser) => {
    parser.textureLoader = new TextureLoader(parser.options.manager);
    return { name: "pictures" };
  });
  const { scene } = await loader.parseAsync(ending === ".gltf" ? binaryOf(new TextDecoder().decode(bytes)) : bytes, "");
  return scene;
}
