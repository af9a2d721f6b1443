/** Desired containers of a service that is written in a few lines. */
import type { DesiredContainer } from '../../../src/model/desired.ts';
import type { ImageConfig } from '../../../src/model/engine.ts';
import { type DesireOptions, desire } from '../../../src/plan/desire.ts';
import { fakeImage } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';

const indent = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');

export async function warnings(file: string): Promise<readonly string[]> {
  const project = await projectOf(file);
  const found = new Map(Object.values(project.services).map(({ image }) => [image!, fakeImage(image!)]));
  return desire(project, found, { version: '9.9' }).warnings;
}

export async function containers(
  services: string,
  images: Readonly<Record<string, Partial<ImageConfig>>> = {},
  options: DesireOptions = {},
) {
  const project = await projectOf(services.startsWith('name:') ? services : `name: shop\nservices:\n${services}`);
  const refs = Object.values(project.services).map(({ image }) => image!);
  const found = new Map(refs.map((ref) => [ref, fakeImage(ref, images[ref])]));
  return desire(project, found, { version: '9.9', ...options }).state;
}

export async function web(service: string, image: Partial<ImageConfig> = {}): Promise<DesiredContainer> {
  const { containers: all } = await containers(`  web:\n    image: nginx\n${indent(service)}`, { nginx: image });
  return all[0]!;
}
