/** Where iptables, ip and dnsmasq live, which is where `su`, cron and the PATHs of users do not look. */

const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Behind the folders that PATH has. */
export function addSystemFolders(env: NodeJS.ProcessEnv): void {
  const folders = (env['PATH'] ?? '').split(':').filter(Boolean);
  env['PATH'] = [...new Set([...folders, ...FOLDERS])].join(':');
}
