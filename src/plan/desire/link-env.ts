/** What links tell besides names: the ports that a container says it serves, and whether variables tell of them. */
import { isDefaultBridge } from '../../model/default-bridge.ts';
import type { ServiceScope } from './scope.ts';

/** Asked for by `x-tcompose: {link_env: true}`, of the service or the whole file, and always so on the default bridge, as with Docker. */
export function wantsLinkEnv(scope: ServiceScope): boolean {
  const { service, project } = scope;
  if ((service.links ?? []).length + (service.external_links ?? []).length === 0) return false;
  return asksForIt(service) || asksForIt({ ...project.extensions }) || isDefaultBridge(service.network_mode ?? '');
}

function asksForIt(owner: object | undefined): boolean {
  const extension = (owner as Readonly<Record<string, unknown>> | undefined)?.['x-tcompose'];
  return typeof extension === 'object' && extension !== null && 'link_env' in extension && extension.link_env === true;
}

/** Of the image and `expose`, ranges one by one. What is published counts as exposed without being here. */
export function exposed({ service, image }: ServiceScope): readonly string[] {
  const listed = [...image.config.exposedPorts, ...(service.expose ?? []).map(String)].flatMap(spread);
  return [...new Set(listed)].sort();
}

/** `8000-8002/udp` */
function spread(text: string): readonly string[] {
  const [, first = '', last = first, protocol = 'tcp'] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(\w+))?$/.exec(text) ?? [];
  if (first === '') return [];
  const count = Math.min(65535, Number(last)) - Number(first) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => `${Number(first) + i}/${protocol}`);
}
