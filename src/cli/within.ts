/** Whether an address lies in a subnet. What is neither lies in nothing. */
import { BlockList, isIP } from 'node:net';

export function isWithin(address: string, subnet: string): boolean {
  const [start = '', length = ''] = subnet.split('/');
  const family = isIP(start);
  if (family === 0 || isIP(address) !== family || !/^\d{1,3}$/.test(length)) return false;
  if (Number(length) > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(start, Number(length), type);
  return list.check(address, type);
}
