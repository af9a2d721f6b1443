/** The engine for programs: containers in a few lines, and nothing of them left afterwards. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine as Port } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { familiarReference } from '../image/reference.ts';
import { createEngine } from '../index.ts';
import { addSystemFolders } from '../system/search-path.ts';
import { Container } from './container.ts';
import { describeContainer, describeNetwork, fullName, type Scope } from './describe.ts';
import type { ArchiveSource, ContainerOptions, EngineOptions, Wait } from './options.ts';
import { ownerLabel, removeAbandoned } from './owner.ts';
import { succeed } from './succeed.ts';
import { waitFor } from './wait.ts';

const READY_MS = 60_000;

/**
 * An engine that a program has opened. It removes what it started when it is closed; what a killed program left, the next
 * {@link Engine.open} of the same folders removes.
 */
export class Engine implements AsyncDisposable {
  /** The names of its containers on the host begin with it: `tcompose -p PROJECT ps`. */
  readonly project: string;
  /** Folders of its instance, for `tcompose --root ROOT --run RUN`. */
  readonly root: string;
  readonly run: string;
  /** Archives to images, and what there is. */
  readonly images: Images;
  /** @internal All that the engine can do, in its own terms; for the tests of it. */
  readonly port: Port;
  readonly #scope: Scope;
  readonly #containers = new Map<string, Container | undefined>();
  #network: Promise<void> | undefined;
  #count = 0;

  /**
   * Opens the engine of this host, or one that keeps everything in folders of its own.
   * @throws EngineError `needs-root`, `launcher-broken` (this host cannot run containers, or the package is not built), `bad-project`.
   */
  static async open(options: EngineOptions = {}): Promise<Engine> {
    if (process.geteuid?.() !== 0) throw needsRoot();
    const launcher = options.launcher ?? join(import.meta.dirname, 'tcompose-launcher');
    if (!existsSync(launcher)) throw noLauncher(launcher);
    addSystemFolders(process.env);
    const engine = new Engine({ ...options, launcher });
    await removeAbandoned(engine.port);
    return engine;
  }

  private constructor(options: EngineOptions & { readonly launcher: string }) {
    const { root, run } = foldersOf(options);
    this.root = root;
    this.run = run;
    this.project = options.project ?? `lib-${randomBytes(4).toString('hex')}`;
    if (!/^[a-z0-9][a-z0-9_-]*$/.test(this.project)) throw badProject(this.project);
    this.port = createEngine({ paths: { root, run }, launcher: options.launcher });
    this.images = new Images(this.port);
    this.#scope = { project: this.project, network: `${this.project}_default`, labels: ownerLabel() };
  }

  /**
   * Makes a container, starts it, and waits until it is ready. What fails on the way is removed again.
   * @throws EngineError `no-such-image`, `name-in-use`, `no-command`; `not-ready`, `container-exited`, `container-unhealthy` with the
   *   end of its log; and whatever the kernel refuses, by name.
   */
  async start(options: ContainerOptions): Promise<Container> {
    const name = options.name ?? `c${++this.#count}`;
    if (this.#containers.has(name)) throw nameInUse(name);
    this.#containers.set(name, undefined);
    const container = await this.#start(name, options).catch((error: unknown) => {
      this.#containers.delete(name);
      throw error;
    });
    this.#containers.set(name, container);
    return container;
  }

  async #start(name: string, options: ContainerOptions): Promise<Container> {
    const { containers, images } = this.port;
    const image = await images.find(options.image);
    if (image === undefined) throw noSuchImage(options.image);
    const container = describeContainer(this.#scope, name, options, image);
    if (container.attachments.some(({ network }) => network === this.#scope.network)) await this.#connect();
    const whole = fullName(this.#scope, name);
    succeed(await containers.create([{ container }]));
    try {
      const started = await containers.start([whole]);
      succeed(started);
      const { wait = [], timeoutMs = READY_MS } = options;
      await waitFor(containers, whole, Array.isArray(wait) ? wait : [wait as Wait], timeoutMs);
      const live = (await containers.find(whole))!;
      return new Container(this.port, name, live, started.warnings.get(whole) ?? [], () => this.#forget(name));
    } catch (error) {
      await containers.remove([whole], { anonymousVolumes: true });
      throw error;
    }
  }

  #forget(name: string): void {
    this.#containers.delete(name);
  }

  /** Made with the first container that wants it. */
  async #connect(): Promise<void> {
    this.#network ??= this.port.networks.create([describeNetwork(this.#scope)]);
    await this.#network.catch((error: unknown) => {
      this.#network = undefined;
      throw error;
    });
  }

  /** Removes its containers and its network, and ends its helper process. Images stay. May be called twice. */
  async close(): Promise<void> {
    const names = [...this.#containers.keys()].map((name) => fullName(this.#scope, name));
    try {
      if (names.length > 0) succeed(await this.port.containers.remove(names, { anonymousVolumes: true }));
      this.#containers.clear();
      if (this.#network !== undefined) await this.port.networks.remove([this.#scope.network]);
      this.#network = undefined;
    } finally {
      await this.port.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The images of an engine. They belong to its folders, and stay when it is closed. */
export class Images {
  readonly #port: Port;

  /** @internal */
  constructor(port: Port) {
    this.#port = port;
  }

  /** @param ref Name, name:tag, name@digest or id. */
  async exists(ref: string): Promise<boolean> {
    return (await this.#port.images.find(ref)) !== undefined;
  }

  /**
   * Loads what `docker save` wrote, or an OCI layout. What is there already is not unpacked again.
   * @returns Names of the images, `redis:7`; the id of one that has no name.
   */
  async load(source: ArchiveSource): Promise<readonly string[]> {
    const loaded = await this.#port.images.load(isFolder(source) ? { folder: source } : bytesOf(source));
    return loaded.flatMap(({ id, tags }) => (tags.length > 0 ? tags.map(familiarReference) : [id]));
  }

  /**
   * Makes an image of one root file system.
   * @param ref Its name, `my/image:1`.
   * @param changes Instructions of a Dockerfile, as `docker import --change`: `CMD ["sh"]`.
   * @returns Its id, `sha256:…`.
   */
  async import(source: ArchiveSource, ref: string, changes: readonly string[] = []): Promise<string> {
    return (await this.#port.images.import(bytesOf(source), ref, { changes })).id;
  }

  /** Takes a name away, and the image with its last name. @throws EngineError where a container uses it. */
  async remove(ref: string): Promise<void> {
    await this.#port.images.remove(ref, { force: false });
  }
}

const isFolder = (source: ArchiveSource): source is string =>
  typeof source === 'string' && statSync(source, { throwIfNoEntry: false })?.isDirectory() === true;

const bytesOf = (source: ArchiveSource): NodeJS.ReadableStream =>
  typeof source === 'string' ? createReadStream(source) : (source as unknown as NodeJS.ReadableStream);

/** Folders of one root go together: the run folder of another one would tell of other containers. */
function foldersOf({ root, run }: EngineOptions): { readonly root: string; readonly run: string } {
  const { TCOMPOSE_ROOT, TCOMPOSE_RUN } = process.env;
  if (root === undefined)
    return { root: TCOMPOSE_ROOT || '/var/lib/tcompose', run: run ?? (TCOMPOSE_RUN || '/run/tcompose') };
  return { root, run: run ?? `/run/tcompose-${createHash('sha256').update(root).digest('hex').slice(0, 12)}` };
}

const needsRoot = () =>
  new TcomposeError('the engine needs root', { code: 'needs-root', help: 'run this program as root, with sudo' });

const noLauncher = (path: string) =>
  new TcomposeError(`there is no ${path}`, { code: 'launcher-broken', help: 'build the package:\n    npm run build' });

const badProject = (project: string) =>
  new TcomposeError(`invalid project name "${project}"`, {
    code: 'bad-project',
    help: 'use lower-case letters, digits, hyphens and underscores, beginning with a letter or a digit',
  });

const nameInUse = (name: string) =>
  new TcomposeError(`this engine has a container ${name} already`, {
    code: 'name-in-use',
    address: `container/${name}`,
    help: 'remove it first, or give another name',
  });

const noSuchImage = (ref: string) =>
  new TcomposeError(`no such image: ${ref}`, {
    code: 'no-such-image',
    address: `image/${ref}`,
    help: 'load it with engine.images.load() or import()',
  });
