/** How a container is called before its lines: its name without the project's. */
import type { DesiredContainer } from '../model/desired.ts';
import { serviceOf } from '../plan/labels.ts';
import type { LogSource } from './logs.ts';

export function sourceOf(
  live: { readonly name: string; readonly madeFrom: Pick<DesiredContainer, 'labels'> },
  project: string,
): LogSource {
  const { name } = live;
  const prefix = name.startsWith(`${project}-`) ? name.slice(project.length + 1) : name;
  return { container: name, service: serviceOf(live), prefix };
}
