import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { environmentReads, impurities, misplacedPackages } from './rules.ts';
import {
  filesBelow,
  type Module,
  packageOf,
  parseModule,
  projectFolder,
  readModules,
} from './source.ts';

const product = readModules('src', 'ocsp', 'scripts');
const everything = [...product, ...readModules('test')];

test('graphene-pk11, pg and express are imported by their one folder', () => {
  expect(misplacedPackages(product)).toEqual([]);
});

test('process.env is read in src/config alone', () => {
  expect(environmentReads(product)).toEqual([]);
});

test('the core reads no clock, no randomness, no environment and does no input or output', () => {
  expect(impurities(product)).toEqual([]);
});

test('no enum and no any', () => {
  const found = everything.filter(({ enums, anys }) => enums + anys > 0).map(({ path }) => path);
  expect(found).toEqual([]);
});

test('files stay under 400 lines', () => {
  const long = everything
    .filter(({ lines }) => lines >= 400)
    .map(({ path, lines }) => `${path} (${lines})`);
  expect(long).toEqual([]);
});

test('each package that Chancery stands on is imported by product code', () => {
  const imported = new Set(product.flatMap(({ imports }) => imports.map(packageOf)));
  const named = [
    ...['pkijs', 'asn1js', '@peculiar/webcrypto', '@peculiar/x509'],
    ...['graphene-pk11', 'express', 'pg'],
  ];
  expect(named.filter((name) => !imported.has(name))).toEqual([]);
});

test('every relative import names its file with .ts', () => {
  const found = everything.flatMap(({ path, imports }) =>
    imports
      .filter((specifier) => specifier.startsWith('.') && !/\.(ts|json)$/.test(specifier))
      .map((specifier) => `${path}: ${specifier}`),
  );
  expect(found).toEqual([]);
});

test('no folder or file is named after nothing in particular', () => {
  const vague = /(^|\/)(utils?|helpers?|services?|managers?|common|misc|shared|lib)(\/|\.ts$)/;
  const files = ['src', 'ocsp', 'scripts', 'test', 'profiles', 'docs']
    .flatMap((folder) => filesBelow(join(projectFolder, folder)))
    .map((file) => relative(projectFolder, file));
  expect(files.filter((file) => vague.test(file))).toEqual([]);
});

test('no test is left out or singled out', () => {
  const marks = /\b(test|it|describe)\.(only|skip|todo|skipIf|runIf|fails)\b/;
  const found = filesBelow(join(projectFolder, 'test'))
    .filter((file) => file.endsWith('.test.ts') && file !== import.meta.filename)
    .filter((file) => marks.test(readFileSync(file, 'utf8')))
    .map((file) => relative(projectFolder, file));
  expect(found).toEqual([]);
});

describe('each rule fails on a seeded violation', () => {
  type Rule = (modules: readonly Module[]) => readonly string[];
  const seeded: readonly (readonly [string, Rule, string, string])[] = [
    ['pg elsewhere', misplacedPackages, 'src/authority/a.ts', "import { Pool } from 'pg';"],
    ['graphene elsewhere', misplacedPackages, 'ocsp/a.ts', "import * as g from 'graphene-pk11';"],
    ['a part of express', misplacedPackages, 'src/acme/a.ts', "import 'express/lib/router.js';"],
    ['the environment', environmentReads, 'src/http/a.ts', "export const x = process.env['X'];"],
    ['the environment by index', environmentReads, 'ocsp/a.ts', "export const x = process['env'];"],
    ['the clock', impurities, 'src/issuance/a.ts', 'export const now = Date.now();'],
    ['the clock as a Date', impurities, 'src/authority/a.ts', 'export const now = new Date();'],
    ['randomness', impurities, 'src/keys/a.ts', "import { randomBytes } from 'node:crypto';"],
    ['a file', impurities, 'src/policy/a.ts', "import { readFileSync } from 'node:fs';"],
    ['the network', impurities, 'src/acme/a.ts', "import { connect } from 'node:net';"],
  ];
  test.each(seeded)('%s', (_name, rule, path, text) => {
    expect(rule([parseModule(path, text)])).toHaveLength(1);
  });
});
