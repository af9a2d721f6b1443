/** For tests, which are checked: the bench itself is plain JavaScript, run by any Node. */
export function configFiles(count: number): Readonly<Record<string, string>>;
