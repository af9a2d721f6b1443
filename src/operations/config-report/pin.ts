/** `config --resolve-image-digests` and `--lock-image-digests`: images by what their tags mean now. */
import { define } from '../../load/bind.ts';
import type { Json } from '../../load/binding.ts';
import { nearest, rangeOf, type SpecNode } from '../../load/tree.ts';
import { TcomposeError, TcomposeErrors } from '../../model/errors.ts';
import type { Path } from '../../model/source.ts';

type Values = Readonly<Record<string, Json>>;
type Services = Readonly<Record<string, Values>>;

/** Gives `name@sha256:…` for an image. */
export type ResolveDigest = (image: string) => Promise<string>;

/** Every image of the model in place of its pinned self: those of services, of image mounts, and of hooks that run before the start. */
export async function pinImages(bound: Values, model: SpecNode, resolve: ResolveDigest): Promise<Values> {
  const services = bound['services'] as Services;
  const pins = await pinAll(placesOf(services), model, resolve);
  const pinned = (image: Json | undefined): Json => pins.get(image as string) ?? (image as Json);
  const made: Record<string, Values> = {};
  for (const [name, service] of Object.entries(services)) {
    const { image, volumes, pre_start: hooks } = service;
    define(made as Record<string, Json>, name, {
      ...service,
      ...(isImage(image) && { image: pinned(image) }),
      ...(Array.isArray(volumes) && {
        volumes: volumes.map((mount) =>
          isImageMount(mount, services) ? { ...mount, source: pinned(mount['source']) } : mount,
        ),
      }),
      ...(Array.isArray(hooks) && {
        pre_start: hooks.map((hook) =>
          isMap(hook) && isImage(hook['image']) ? { ...hook, image: pinned(hook['image']) } : hook,
        ),
      }),
    });
  }
  return { ...bound, services: made };
}

/** An override file with the images and nothing else. Hooks are appended when files are merged: theirs cannot be in it. */
export function imagesOnly(bound: Values): Values {
  const services = bound['services'] as Services;
  const made: Record<string, Json> = {};
  for (const [name, { image, volumes }] of Object.entries(services)) {
    const mounts = Array.isArray(volumes) ? volumes.filter((mount) => isMap(mount) && mount['type'] === 'image') : [];
    define(made, name, { ...(isImage(image) && { image }), ...(mounts.length > 0 && { volumes: mounts }) });
  }
  return { services: made };
}

/** Where hooks name images that an override file cannot pin. */
export function unpinnableHooks(bound: Values): readonly string[] {
  return Object.entries(bound['services'] as Services)
    .filter(
      ([, { pre_start: hooks }]) => Array.isArray(hooks) && hooks.some((hook) => isMap(hook) && isImage(hook['image'])),
    )
    .map(([name]) => name);
}

const isMap = (value: Json | undefined): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isImage = (value: Json | undefined): value is string => typeof value === 'string' && value !== '';
/** Its source may be a service of the project, which is no image. */
const isImageMount = (mount: Json, services: Services): mount is Record<string, Json> =>
  isMap(mount) &&
  mount['type'] === 'image' &&
  isImage(mount['source']) &&
  !Object.hasOwn(services, mount['source'] as string);

function placesOf(services: Services): Map<string, Path> {
  const places = new Map<string, Path>();
  const add = (image: Json | undefined, path: Path) => {
    if (isImage(image) && !places.has(image)) places.set(image, path);
  };
  for (const [name, { image, volumes, pre_start: hooks }] of Object.entries(services)) {
    add(image, ['services', name, 'image']);
    for (const [index, mount] of (Array.isArray(volumes) ? volumes : []).entries())
      if (isImageMount(mount, services)) add(mount['source'], ['services', name, 'volumes', index, 'source']);
    for (const [index, hook] of (Array.isArray(hooks) ? hooks : []).entries())
      if (isMap(hook)) add(hook['image'], ['services', name, 'pre_start', index, 'image']);
  }
  return places;
}

/** So many registries are asked at a time. */
const AT_ONCE = 6;

/** Each image is asked for once, and everything that fails is told together, with its line. */
async function pinAll(
  places: ReadonlyMap<string, Path>,
  model: SpecNode,
  resolve: ResolveDigest,
): Promise<Map<string, string>> {
  const pins = new Map<string, string>();
  const failures: Error[] = [];
  const waiting = [...places];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [image, path] = next;
      try {
        pins.set(image, await resolve(image));
      } catch (error) {
        if (!(error instanceof TcomposeError)) throw error;
        failures.push(located(error, model, path));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failures.length > 0) throw new TcomposeErrors(failures);
  return pins;
}

function located(error: TcomposeError, model: SpecNode, path: Path): TcomposeError {
  const { code, address, help, exitCode } = error;
  return new TcomposeError(error.message, {
    code,
    exitCode,
    at: rangeOf(nearest(model, path).mark),
    cause: error,
    ...(address !== undefined && { address }),
    ...(help !== undefined && { help }),
  });
}
