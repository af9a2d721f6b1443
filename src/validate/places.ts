/** How messages name a place in the file: `service web: ports[0].target`. */
import type { Path } from '../model/source.ts';

const OWNERS: Readonly<Record<string, string>> = {
  services: 'service',
  networks: 'network',
  volumes: 'volume',
  secrets: 'secret',
  configs: 'config',
  models: 'model',
};

/** `service web`, and what is left of the path inside it. */
function split(path: Path): { owner: string | undefined; rest: Path } {
  const [section, name] = path;
  if (typeof section === 'string' && typeof name === 'string' && OWNERS[section] !== undefined) {
    return { owner: `${OWNERS[section]} ${name}`, rest: path.slice(2) };
  }
  return { owner: undefined, rest: path };
}

export function dotted(path: Path): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

export function describePlace(path: Path): string {
  const { owner, rest } = split(path);
  if (owner === undefined) return rest.length === 0 ? 'the file' : dotted(rest);
  return rest.length === 0 ? owner : `${owner}: ${dotted(rest)}`;
}
