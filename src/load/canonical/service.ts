/** Long forms of the service attributes that are neither ports, volumes nor build. */
import { list, record, type SpecNode, scalar, within } from '../tree.ts';
import { type CanonicalContext, isUnresolved } from './context.ts';
import { carry, each, named } from './lists.ts';

/** What the list form implies is marked so: in an override it must not reset a condition that the base file states. */
export const dependencies = named((item) =>
  record(item.mark, {
    condition: { ...scalar('service_started', item.mark), implied: true },
    required: { ...scalar(true, item.mark), implied: true },
  }),
);

export function fileReference(node: SpecNode): readonly SpecNode[] {
  if (node.kind !== 'scalar' || node.value === null) return [node];
  return [record(node.mark, { source: String(node.value) })];
}

export function device(node: SpecNode, context: CanonicalContext): readonly SpecNode[] {
  if (node.kind !== 'scalar') return [node];
  const text = String(node.value);
  if (isUnresolved(text, context)) return [node];
  const [source, target, permissions, ...rest] = text.split(':');
  if (rest.length > 0) {
    context.findings.error('bad-value', `${context.owner}: device "${text}" has too many colons`, node.mark, {
      help: 'write SOURCE:TARGET:rwm, or the long form with source, target and permissions',
    });
    return [];
  }
  return [record(node.mark, { source: source!, target: target ?? source!, permissions: permissions ?? 'rwm' })];
}

const envFileItem = (item: SpecNode): readonly SpecNode[] => {
  if (item.kind !== 'scalar') return [item];
  return item.value === null ? [] : [record(item.mark, { path: scalar(item.value, item.mark) })];
};

export function envFile(node: SpecNode, context: CanonicalContext): SpecNode {
  const items =
    node.kind === 'list'
      ? node
      : carry(node, list(node.kind === 'scalar' && node.value === null ? [] : [{ ...node }], node.mark));
  return each(envFileItem)(items, context);
}

/** `host=address` texts, one per address; sorted when the project is bound. */
export function extraHosts(node: SpecNode, context: CanonicalContext): SpecNode {
  const items: SpecNode[] = [];
  const add = (host: string, addresses: string, at: SpecNode) => {
    if (host === '' || /[:=]/.test(host)) {
      return context.findings.error('bad-value', `${context.owner}: "${host}" is not a host name`, at.mark, {
        help: 'write HOST=ADDRESS',
      });
    }
    for (const address of addresses.split(',')) {
      items.push(scalar(`${host}=${address.trim().replace(/^\[(.*)\]$/, '$1')}`, at.mark));
    }
  };
  if (node.kind === 'map') {
    for (const [host, { value }] of node.entries) {
      for (const item of value.kind === 'list' ? value.items : [value]) {
        if (item.kind === 'scalar') add(host, item.value === null ? '' : String(item.value), item);
      }
    }
  } else if (node.kind === 'list') {
    for (const item of node.items) {
      if (item.kind === 'scalar') addPair(String(item.value), item, add, context);
    }
  } else return node;
  return carry(node, list(items, node.mark));
}

function addPair(
  text: string,
  item: SpecNode,
  add: (host: string, address: string, at: SpecNode) => void,
  context: CanonicalContext,
) {
  const split = text.search(text.includes('=') ? /=/ : /:/);
  if (split !== -1) return add(text.slice(0, split), text.slice(split + 1), item);
  return context.findings.error('bad-value', `${context.owner}: extra host "${text}" has no address`, item.mark, {
    help: `write HOST=ADDRESS, for example "${text}=10.0.0.1" or "${text}=host-gateway"`,
  });
}

export function gpus(node: SpecNode): SpecNode {
  if (node.kind !== 'scalar' || node.value === null) return node;
  return carry(node, list([record(node.mark, { count: node.value })], node.mark));
}

export function healthcheckTest(node: SpecNode): SpecNode {
  if (node.kind !== 'scalar' || node.value === null) return node;
  return carry(
    node,
    list([scalar('CMD-SHELL', node.mark), scalar(node.value, within(node.mark, String(node.value)))], node.mark),
  );
}
