/** node:net is loaded when the first address is asked about: with all that it brings along, it takes a tenth of Node's own start. */
export function isIP(text: string): number {
  return process.getBuiltinModule('node:net').isIP(text);
}
