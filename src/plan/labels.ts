/** The labels that Compose sets and other tools read (Dozzle, Portainer, Traefik): names, texts, and reading them back. */
import type { DesiredContainer } from '../model/desired.ts';
import type { Project, Service } from '../model/project.ts';

const PREFIX = 'com.docker.compose.';

export const LABEL = {
  project: `${PREFIX}project`,
  service: `${PREFIX}service`,
  number: `${PREFIX}container-number`,
  oneoff: `${PREFIX}oneoff`,
  configHash: `${PREFIX}config-hash`,
  dependsOn: `${PREFIX}depends_on`,
  image: `${PREFIX}image`,
  workingDir: `${PREFIX}project.working_dir`,
  configFiles: `${PREFIX}project.config_files`,
  environmentFile: `${PREFIX}project.environment_file`,
  version: `${PREFIX}version`,
  network: `${PREFIX}network`,
  volume: `${PREFIX}volume`,
  /** Of one-offs. */
  slug: `${PREFIX}slug`,
  /** Ours: `run --rm`, for when who ran it was not there any more at its end. */
  autoRemove: `${PREFIX}x-auto-remove`,
} as const;

export type Labels = Readonly<Record<string, string>>;

/** Labels of ours describe where a thing comes from; that they differ is never a reason to touch it. */
export const isOurs = (label: string): boolean => label.startsWith(PREFIX);

export function serviceLabels(
  project: Project,
  name: string,
  service: Service,
  facts: { readonly hash: string; readonly imageId: string; readonly version: string },
): Labels {
  return {
    [LABEL.project]: project.name,
    [LABEL.service]: name,
    [LABEL.oneoff]: 'False',
    [LABEL.configHash]: facts.hash,
    [LABEL.dependsOn]: dependsOnLabel(service),
    [LABEL.image]: facts.imageId,
    [LABEL.workingDir]: project.workingDir,
    [LABEL.configFiles]: project.files.join(','),
    ...(project.envFiles.length > 0 ? { [LABEL.environmentFile]: project.envFiles.join(',') } : {}),
    [LABEL.version]: facts.version,
  };
}

/** `db:service_healthy:false,…`: how `stop` finds the order where no file is. */
function dependsOnLabel(service: Service): string {
  const entries = Object.entries(service.depends_on ?? {});
  return entries.map(([name, need]) => `${name}:${need.condition}:${need.restart === true}`).join(',');
}

type Labelled = { readonly madeFrom: Pick<DesiredContainer, 'labels'> };

export const projectOf = (live: { readonly madeFrom: { readonly labels: Labels } }) =>
  live.madeFrom.labels[LABEL.project];
export const serviceOf = (live: Labelled) => live.madeFrom.labels[LABEL.service] ?? '';
export const numberOf = (live: Labelled) => Number(live.madeFrom.labels[LABEL.number] ?? 0);
export const isOneOff = (live: Labelled) => live.madeFrom.labels[LABEL.oneoff] === 'True';
export const isAutoRemoved = (live: Labelled) => isOneOff(live) && live.madeFrom.labels[LABEL.autoRemove] === 'True';
