/** The rules of `docker cp`, each laid beside the real one. */
import { describe, expect, test } from 'vitest';
import { planCopy, sourceName } from '../../../engine/files/copy-plan.ts';

const folder = (path: string) => ({ isFolder: true, name: sourceName(path) });
const file = (path: string) => ({ isFolder: false, name: sourceName(path) });

describe('where a copy goes', () => {
  test('into a folder that exists under its own name, or its members alone', () => {
    expect(planCopy(file('/a/f'), { path: '/w', kind: 'folder' })).toEqual({ folder: '/w', name: 'f' });
    expect(planCopy(folder('/a/d'), { path: '/w/', kind: 'folder' })).toEqual({ folder: '/w/', name: 'd' });
    expect(planCopy(folder('/a/d/'), { path: '/w', kind: 'folder' })).toEqual({ folder: '/w', name: 'd' });
    expect(planCopy(folder('/a/d/.'), { path: '/w', kind: 'folder' })).toEqual({ folder: '/w', name: '' });
    expect(planCopy(folder('/'), { path: '/w', kind: 'folder' })).toEqual({ folder: '/w', name: '' });
  });
  test('to a name that does not exist yet: what is copied is called so', () => {
    for (const source of [folder('/a/d'), folder('/a/d/.'), file('/a/f')])
      expect(planCopy(source, { path: '/w/new', kind: 'missing' })).toEqual({ folder: '/w', name: 'new' });
    expect(planCopy(folder('/a/d'), { path: '/w/new/', kind: 'missing' })).toEqual({ folder: '/w', name: 'new' });
  });
  test('over a file only when it is a file itself', () => {
    expect(planCopy(file('/a/f'), { path: '/w/g', kind: 'other' })).toEqual({ folder: '/w', name: 'g' });
    expect(() => planCopy(folder('/a/d'), { path: '/w/g', kind: 'other' })).toThrow('cannot copy directory');
  });
  test('a file never makes the folder that a slash asks for', () => {
    expect(() => planCopy(file('/a/f'), { path: '/w/none/', kind: 'missing' })).toThrow('no such directory');
  });
});
