/** Whether a place on the host can share its mounts with a container (mount_namespaces(7)); the words are Docker's (daemon/oci_linux.go). */

interface Mounted {
  readonly point: string;
  readonly isShared: boolean;
  readonly isSlave: boolean;
}

/** Fields 5 and 7 up to the hyphen of /proc/PID/mountinfo (proc(5)). */
function parse(line: string): Mounted | undefined {
  const fields = line.split(' ');
  const end = fields.indexOf('-');
  if (end < 6) return undefined;
  const optional = fields.slice(6, end);
  return {
    point: fields[4]!.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    isShared: optional.some((field) => field.startsWith('shared:')),
    isSlave: optional.some((field) => field.startsWith('master:')),
  };
}

/** `source` without links in it. The last of those that are mounted at the same place is the one that is seen. */
export function propagationProblem(
  mountinfo: string,
  source: string,
  propagation: string,
): { readonly message: string; readonly help: string } | undefined {
  const path = Buffer.from(source).toString('latin1');
  const holders = mountinfo
    .split('\n')
    .flatMap((line) => parse(line) ?? [])
    .filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`));
  const longest = Math.max(...holders.map(({ point }) => point.length));
  const mount = holders.findLast(({ point }) => point.length === longest);
  if (mount === undefined || mount.isShared) return undefined;
  const wantsShared = propagation.endsWith('shared');
  if (!wantsShared && mount.isSlave) return undefined;
  const what = wantsShared ? 'a shared mount' : 'a shared or slave mount';
  return {
    message: `path ${source} is mounted on ${Buffer.from(mount.point, 'latin1')} but it is not ${what}`,
    help: `make it one:\n    mount --make-rshared ${Buffer.from(mount.point, 'latin1')}`,
  };
}
