/** `build --print`: the builds of a project as a bake file, for those who build with Docker's own tools. */
import type { BuildContext } from '../../model/build.ts';
import type { Step } from '../../model/plan.ts';

/** https://docs.docker.com/build/bake/reference/ */
export function bakeFile(steps: readonly Step[]): object {
  const targets = steps.flatMap(({ action }) => {
    if (action.kind !== 'image.build') return [];
    const { build, service = action.image } = action;
    const dockerfile =
      'text' in build.dockerfile
        ? { 'dockerfile-inline': build.dockerfile.text }
        : { dockerfile: build.dockerfile.path };
    const target = {
      context: placeOf(build.context),
      ...dockerfile,
      ...filled(
        'contexts',
        Object.fromEntries(Object.entries(build.contexts).map(([key, one]) => [key, placeOf(one)])),
      ),
      ...filled('args', build.args),
      ...filled('labels', build.labels),
      tags: build.tags,
      ...(build.target ? { target: build.target } : {}),
      ...(build.platform ? { platforms: [build.platform] } : {}),
      ...(build.network === 'default' ? {} : { network: build.network }),
      ...(build.noCache ? { 'no-cache': true } : {}),
      ...(build.noCacheFilter.length > 0 ? { 'no-cache-filter': build.noCacheFilter } : {}),
      ...(build.pull ? { pull: true } : {}),
      ...(build.shmSize === undefined ? {} : { 'shm-size': String(build.shmSize) }),
      ...(build.secrets.length > 0 ? { secret: build.secrets.map(secretText) } : {}),
      ...(build.ssh.length > 0 ? { ssh: build.ssh.map(({ id, path }) => (path ? `${id}=${path}` : id)) } : {}),
      output: ['type=docker'],
    };
    return [[service, target] as const];
  });
  return { group: { default: { targets: targets.map(([name]) => name) } }, target: Object.fromEntries(targets) };
}

const filled = (key: string, value: object) => (Object.keys(value).length > 0 ? { [key]: value } : {});

function placeOf(context: BuildContext): string {
  switch (context.kind) {
    case 'folder':
    case 'archive':
      return context.path;
    case 'git':
    case 'http':
      return context.url;
    case 'image':
      return `docker-image://${context.ref}`;
    case 'empty':
      return '-';
  }
}

/** A text of the file itself stays out of it: a name for it is all there is. */
const secretText = ({ id, source }: { readonly id: string; readonly source: object }): string =>
  'file' in source ? `id=${id},type=file,src=${source.file}` : `id=${id},type=env`;
