/** What a service mounts, and where: nothing twice, nothing without its ends. */
import { childList, childText, type MapNode, type Mark } from '../../load/tree.ts';
import type { RuleContext } from '../rules.ts';

export function checkMounts(name: string, service: MapNode, { findings }: RuleContext): void {
  const taken = new Map<string, Mark>();
  const take = (target: string, mark: Mark) => {
    const other = taken.get(target);
    if (other === undefined) taken.set(target, mark);
    else {
      findings.error('duplicate-mount', `service ${name} mounts "${target}" twice`, mark, {
        help: 'remove one of the two',
        related: [{ at: other, label: 'the first' }],
      });
    }
  };
  const volumes = childList(service, 'volumes');
  for (const item of volumes?.items ?? []) {
    const hidden = item.was?.find(({ mark }) => isInside(mark, volumes!.mark));
    if (hidden !== undefined) {
      findings.warn(
        'duplicate-mount',
        `service ${name} mounts "${childText(item, 'target')}" twice: only the later one counts`,
        item.mark,
        {
          help: 'remove the one that is not meant',
          related: [{ at: hidden.mark, label: 'the first, of no effect' }],
        },
      );
    }
    const target = childText(item, 'target');
    if (target) take(target, item.mark);
    else if (item.kind === 'map' && !item.damaged) {
      findings.error('missing-key', `service ${name}: a volume needs "target"`, item.mark, {
        help: 'add the path in the container:\n    target: /data',
      });
    }
    if (childText(item, 'type') === 'bind' && !childText(item, 'source')) {
      findings.error('missing-key', `service ${name}: a bind mount needs "source"`, item.mark, {
        help: 'add the path on the host:\n    source: ./data',
      });
    }
  }
  for (const item of childList(service, 'devices')?.items ?? []) {
    if (item.kind !== 'map' || item.damaged || childText(item, 'target')) continue;
    findings.error('missing-key', `service ${name}: a device needs "target"`, item.mark, {
      help: 'add its path in the container:\n    target: /dev/sda',
    });
  }
  for (const item of childList(service, 'tmpfs')?.items ?? []) {
    if (item.kind === 'scalar') take(String(item.value).split(':')[0]!, item.mark);
  }
}

/** Written in the same list: what another file or an extended service had is replaced on purpose. */
function isInside(mark: Mark, list: Mark): boolean {
  return mark.source === list.source && mark.start >= list.start && mark.end <= list.end;
}
