/** The images that a project's containers were made of, keys as `docker compose images --format json` prints them. */
import type { LiveContainer } from '../model/live.ts';
import { serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';
import { splitTag } from './images.ts';
import { checkServices, find } from './lives.ts';

export interface ProjectImageRow {
  readonly ID: string;
  readonly ContainerName: string;
  readonly Repository: string;
  readonly Tag: string;
  readonly Platform: string;
  readonly Size: number;
  readonly Created?: string;
  readonly LastTagTime: string;
}

/** Sorted by container; also of images that are gone. */
export async function imagesOfProject(
  context: Context,
  target: Target,
  services: readonly string[],
): Promise<readonly ProjectImageRow[]> {
  const found = await find(context, target);
  checkServices(found, target, services);
  const containers = found.containers.filter((live) => services.length === 0 || services.includes(serviceOf(live)));
  const rows = await Promise.all(containers.map((live) => row(context, live)));
  return rows.sort((a, b) => (a.ContainerName < b.ContainerName ? -1 : 1));
}

async function row({ engine }: Context, { name, madeFrom }: LiveContainer): Promise<ProjectImageRow> {
  const image = await engine.images.find(madeFrom.image.id);
  const tag = image?.tags.find((one) => !one.includes('@'));
  const [Repository, Tag] = tag === undefined ? ['<none>', '<none>'] : splitTag(tag);
  const variant = image?.raw['variant'];
  const platform =
    image === undefined ? [] : [image.os, image.architecture, ...(typeof variant === 'string' ? [variant] : [])];
  return {
    ID: madeFrom.image.id,
    ContainerName: name,
    Repository,
    Tag,
    Platform: platform.filter(Boolean).join('/'),
    Size: image?.sizeBytes ?? 0,
    ...(image?.createdAt ? { Created: image.createdAt } : {}),
    LastTagTime: image?.createdAt || '0001-01-01T00:00:00Z',
  };
}
