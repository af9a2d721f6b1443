/** Everything a service refers to by name has to be declared. */

import type { DiagnosticCode } from '../../load/codes.ts';
import { profilesOf } from '../../load/profiles.ts';
import { childList, childMap, childText, entriesOf, type Mark, type SpecNode } from '../../load/tree.ts';
import { nearestOf } from '../did-you-mean.ts';
import type { RuleContext } from '../rules.ts';

interface Reference {
  readonly section: string;
  readonly code: DiagnosticCode;
  readonly kind: string;
}

const NETWORK: Reference = { section: 'networks', code: 'undefined-network', kind: 'network' };
const VOLUME: Reference = { section: 'volumes', code: 'undefined-volume', kind: 'volume' };
const SECRET: Reference = { section: 'secrets', code: 'undefined-secret', kind: 'secret' };
const CONFIG: Reference = { section: 'configs', code: 'undefined-config', kind: 'config' };
const MODEL: Reference = { section: 'models', code: 'undefined-model', kind: 'model' };

export function checkReferences(context: RuleContext): void {
  for (const [name, service] of entriesOf(context.services)) {
    for (const [network, , mark] of entriesOf(childMap(service, 'networks'))) {
      if (network !== 'default') declared(network, NETWORK, name, mark, context);
    }
    for (const [model, , mark] of entriesOf(childMap(service, 'models'))) declared(model, MODEL, name, mark, context);
    for (const mount of childList(service, 'volumes')?.items ?? []) {
      const source = childText(mount, 'source');
      if (childText(mount, 'type') === 'volume' && source !== undefined && source !== '')
        declared(source, VOLUME, name, mount.mark, context);
    }
    files(childList(service, 'secrets')?.items, SECRET, name, context);
    files(childList(childMap(service, 'build'), 'secrets')?.items, SECRET, name, context);
    files(childList(service, 'configs')?.items, CONFIG, name, context);
    checkServiceReferences(name, service, context);
  }
}

function files(
  items: readonly SpecNode[] | undefined,
  reference: Reference,
  service: string,
  context: RuleContext,
): void {
  for (const item of items ?? []) {
    const source = childText(item, 'source');
    if (source !== undefined) declared(source, reference, service, item.mark, context);
  }
}

function declared(
  name: string,
  { section, code, kind }: Reference,
  service: string,
  at: Mark,
  { model, findings }: RuleContext,
): void {
  const known = childMap(model, section);
  // A section that was not understood proves nothing about what is missing from it.
  if (known?.entries.has(name) || known?.damaged || (known === undefined && model.damaged)) return;
  findings.error(code, `service ${service} uses ${kind} "${name}", which is not declared`, at, {
    help: () => {
      const close = nearestOf(name, known?.entries.keys() ?? []);
      return close === undefined
        ? `declare it at the top level of the file:\n    ${section}:\n      ${name}:`
        : `did you mean "${close}"?`;
    },
  });
}

function checkServiceReferences(name: string, service: SpecNode, context: RuleContext): void {
  for (const [target, dependency, mark] of entriesOf(childMap(service, 'depends_on'))) {
    if (!context.services.entries.has(target)) reportAbsent(target, name, mark, dependency, context);
  }
}

function reportAbsent(target: string, by: string, at: Mark, dependency: SpecNode, context: RuleContext): void {
  const { services, disabled, findings } = context;
  if (services.damaged) return;
  const inactive = disabled.entries.get(target)?.value;
  if (inactive !== undefined) {
    if (['false', 'no', 'off'].includes(childText(dependency, 'required') ?? 'true')) return;
    const profiles = profilesOf(inactive);
    findings.error('profile-disabled', `service ${by} needs "${target}", whose profiles are not active`, at, {
      help: `activate one:\n    --profile ${profiles[0] ?? ''}`,
    });
    return;
  }
  findings.error('undefined-service', `service ${by} refers to service "${target}", which does not exist`, at, {
    help: () => {
      const close = nearestOf(target, services.entries.keys());
      return close === undefined
        ? `services are: ${[...services.entries.keys()].slice(0, 10).join(', ')}`
        : `did you mean "${close}"?`;
    },
  });
}
