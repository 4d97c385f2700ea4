import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allowedImports, forbiddenImports } from './layers.ts';
import { parseModule, projectFolder, readModules } from './source.ts';

const product = readModules('src', 'ocsp', 'scripts');

test('every import follows the directions of the table', () => {
  expect(product.length).toBeGreaterThan(10);
  expect(forbiddenImports(product)).toEqual([]);
});

test('the table knows every folder of src', () => {
  const folders = readdirSync(join(projectFolder, 'src'), { withFileTypes: true });
  const unknown = folders
    .filter((entry) => entry.isDirectory() && !(entry.name in allowedImports))
    .map((entry) => entry.name);
  expect(unknown).toEqual([]);
});

test('every folder of src that others may import has an index.ts', () => {
  const missing = Object.keys(allowedImports)
    .filter((layer) => layer !== 'ocsp' && existsSync(join(projectFolder, 'src', layer)))
    .filter((layer) => !existsSync(join(projectFolder, 'src', layer, 'index.ts')));
  expect(missing).toEqual([]);
});

describe('the check fails on a seeded violation', () => {
  const seeded: readonly (readonly [string, string, string])[] = [
    ['an import against the direction', 'src/domain/a.ts', "import { x } from '../http/index.ts';"],
    ['a type-only import', 'src/pkix/a.ts', "import type { X } from '../policy/index.ts';"],
    ['an inline type import', 'src/der/a.ts', "import { type X } from '../domain/index.ts';"],
    ['an export from', 'src/policy/a.ts', "export { x } from '../lint/index.ts';"],
    ['an export of everything', 'src/policy/a.ts', "export * from '../lint/index.ts';"],
    ['an import() type', 'src/keys/a.ts', "type X = import('../access/index.ts').X;"],
    ['a dynamic import', 'src/trust/a.ts', "await import('../storage/index.ts');"],
    ['a computed dynamic import', 'src/trust/a.ts', "await import(['.', 'x'].join('/'));"],
    ['an import for its effect', 'src/config/a.ts', "import '../telemetry/index.ts';"],
    ['the index where only ports are allowed', 'src/hsm/a.ts', "import '../issuance/index.ts';"],
    [
      'the index where only ports are allowed',
      'src/storage/a.ts',
      "import '../authority/index.ts';",
    ],
    ["another folder's insides", 'src/pkix/a.ts', "import { x } from '../der/reader.ts';"],
    ['insides from the responder', 'ocsp/a.ts', "import { x } from '../src/pkix/name.ts';"],
    ['the core importing configuration', 'src/acme/a.ts', "import '../config/index.ts';"],
    ['somebody importing the main', 'src/http/a.ts', "import '../main.ts';"],
    ['somebody importing the responder', 'src/http/a.ts', "import '../../ocsp/index.ts';"],
    ['somebody importing scripts', 'ocsp/a.ts', "import '../scripts/command/index.ts';"],
    ['somebody importing tests', 'src/http/a.ts', "import '../../test/support/softhsm.ts';"],
    ['a file beside the folders', 'src/misc.ts', 'export const x = 1;'],
  ];
  test.each(seeded)('%s (%s)', (_name, path, text) => {
    expect(forbiddenImports([parseModule(path, text)])).toHaveLength(1);
  });
});

test('what the table allows passes', () => {
  const allowed: readonly (readonly [string, string])[] = [
    ['src/pkix/a.ts', "import { x } from '../der/index.ts';"],
    ['src/pkix/extensions/a.ts', "import { x } from '../../der/index.ts'; import '../name.ts';"],
    ['src/hsm/a.ts', "import type { Signer } from '../issuance/ports.ts';"],
    ['src/storage/a.ts', "import type { Inventory } from '../authority/ports.ts';"],
    ['src/acme/validation/a.ts', "import '../../config/index.ts'; import '../ports.ts';"],
    ['ocsp/a.ts', "import '../src/storage/index.ts'; import '../src/keys/ports.ts';"],
    ['src/main.ts', "import './http/index.ts'; import './hsm/pool.ts';"],
    ['scripts/a.ts', "import '../src/storage/index.ts';"],
  ];
  const modules = allowed.map(([path, text]) => parseModule(path, text));
  expect(forbiddenImports(modules)).toEqual([]);
});

test('words in comments and strings are no imports', () => {
  const text = `// import { x } from '../http/index.ts';\nexport const y = "import '../http/index.ts'";`;
  expect(parseModule('src/der/a.ts', text).imports).toEqual([]);
});
