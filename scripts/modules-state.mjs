// Prints for scripts/setup what this Node is, and what is not as package-lock.json says: `modules`, `node-pty`, or nothing.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const home = join(import.meta.dirname, '..');
console.log(`node=${process.execPath}`);
if (!modulesMatch()) console.log('modules');
else if (!ptyLoads()) console.log('node-pty');

/** npm writes what it has installed to a lock file of its own. Packages for other systems are missing there by right. */
function modulesMatch() {
  try {
    const read = (path) => JSON.parse(readFileSync(join(home, path), 'utf8')).packages;
    const [wanted, installed] = [read('package-lock.json'), read('node_modules/.package-lock.json')];
    return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
      const found = installed[path];
      return path === '' || (found ? found.version === version && found.integrity === integrity : optional === true);
    });
  } catch {
    return false;
  }
}

function ptyLoads() {
  try {
    createRequire(import.meta.url)('node-pty');
    return true;
  } catch {
    return false;
  }
}
