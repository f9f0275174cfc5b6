import { describe, expect, it } from 'vitest';
import { nameFrom } from '../../../src/engine/main.js';
import { asciiName } from '../../../src/shared/names.js';

describe('a name for tools that take ASCII alone', () => {
  it.each([
    ['0001-fix.patch', '0001-fix.patch'],
    ['Änderung für meminfo.patch', 'Anderung-fur-meminfo.patch'],
    // The same letters, composed in another way.
    ['A\u0308nderung.patch', 'Anderung.patch'],
    ["it's; $(touch x) & more.patch", 'it-s-touch-x-more.patch'],
    ['補丁.patch', '-.patch'],
  ])('%s becomes %s', (name, ascii) => {
    expect(asciiName(name)).toBe(ascii);
  });
});

describe("a livepatch's name from its patch", () => {
  it.each([
    ['out/0001-Fix a bug.patch', '0001-Fix-a-bug'],
    ['Änderung für meminfo.patch', 'Anderung-fur-meminfo'],
    ['補丁.patch', 'patch'],
    ['...diff', 'patch'],
  ])('%s becomes %s', (path, name) => {
    expect(nameFrom(path)).toBe(name);
    // In between it may have got a name for the container.
    expect(nameFrom(asciiName(path.split('/').at(-1) ?? ''))).toBe(name);
  });
});
