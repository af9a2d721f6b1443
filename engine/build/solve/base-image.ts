/** What stages begin with: images of the store or of a registry, read as a builder needs them. */
import type { ImageInfo } from '../../../src/model/engine.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { Host } from '../../host.ts';
import { isObject } from '../../image/image-config.ts';
import { parsePlatform, platformRank } from '../../image/platform.ts';
import { familiarReference, fullReference, parseReference } from '../../image/reference.ts';
import type { BuildConfig, ImageState } from '../image-steps.ts';
import type { Steps } from './steps.ts';

/** One line of an image's history. */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

export interface Base {
  readonly state: ImageState;
  /** Diff ids, lowest first. */
  readonly layers: readonly string[];
  readonly history: readonly HistoryEntry[];
  readonly created?: string;
  readonly platform: string;
}

const KEPT: readonly (keyof BuildConfig | 'ArgsEscaped')[] = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'Healthcheck',
  'OnBuild',
  'Shell',
];

/** What a container of long ago left in it (Hostname, AttachStdin, …) is not handed on. */
function stateOf({ raw }: ImageInfo): ImageState {
  const config = isObject(raw['config']) ? raw['config'] : {};
  const isEmpty = (value: unknown) => value === undefined || value === null || value === '';
  const kept = KEPT.filter((key) => !isEmpty(config[key])).map((key) => [key, config[key]]);
  const author = raw['author'];
  return {
    config: Object.fromEntries(kept) as BuildConfig,
    ...(typeof author === 'string' && author !== '' && { author }),
    ownCommand: false,
  };
}

export const platformOf = ({ os, architecture, raw }: ImageInfo): string => {
  const variant = raw['variant'];
  return [os, architecture, ...(typeof variant === 'string' && variant !== '' ? [variant] : [])].join('/');
};

export function baseOf(image: ImageInfo): Base {
  const { history } = image.raw;
  return {
    state: stateOf(image),
    layers: image.layers,
    history: Array.isArray(history) ? (history as HistoryEntry[]) : [],
    ...(image.createdAt !== '' && { created: image.createdAt }),
    platform: platformOf(image),
  };
}

export interface BaseServices {
  readonly host: Host;
  readonly steps: Steps;
  readonly signal: AbortSignal;
  /** Ask the registry even for what is here. */
  readonly pull: boolean;
}

const fits = (image: ImageInfo, wanted: string | undefined): boolean => {
  if (wanted === undefined) return true;
  const [os = '', architecture = '', variant = ''] = platformOf(image).split('/');
  const asked = parsePlatform(wanted);
  return platformRank({ os, architecture, variant: variant || asked.variant }, asked) !== undefined;
};

/** `FROM bad` is a name: the beginning of an id has at least the twelve digits that lists show. */
const isMeant = ({ tags }: ImageInfo, ref: string): boolean =>
  !/^[0-9a-f]{1,11}$/.test(ref) || tags.some((tag) => sameName(tag, ref));

const sameName = (a: string, b: string): boolean =>
  fullReference(parseReference(a)) === fullReference(parseReference(b));

/** From the store; pulled where it is not there, is for another platform, or a registry is to be asked. */
export async function findBase(
  { host, steps, signal, pull }: BaseServices,
  ref: string,
  platform: string | undefined,
): Promise<ImageInfo> {
  const images = await host.images();
  const found = await images.find(ref);
  const known = found !== undefined && isMeant(found, ref) ? found : undefined;
  const isId = /^(?:sha256:)?[0-9a-f]{64}$/.test(ref);
  if (known !== undefined && fits(known, platform) && (!pull || isId)) return known;
  if (isId)
    throw new TcomposeError(`there is no image ${ref}${known === undefined ? '' : ` for ${platform}`}`, {
      code: 'image-missing',
      address: `image/${ref}`,
    });
  const full = fullReference(parseReference(ref));
  return steps.run(`[internal] load metadata for ${full}`, undefined, async (voice) => {
    const { image } = await images.pull(ref, {
      signal,
      ...(platform !== undefined && { platform }),
      onProgress: ({ layer, bytes, total }) => voice.progress(layer, bytes, total),
    });
    if (!fits(image, platform))
      throw new TcomposeError(`${familiarReference(full)} is for ${platformOf(image)}, and ${platform} is wanted`, {
        code: 'no-matching-platform',
        address: `image/${ref}`,
      });
    return image;
  });
}
