import { describe, expect, it } from 'vitest';
import { crlLints } from '../../../src/lint/crl/index.ts';
import { CrlLinter, lintCrl } from '../../../src/lint/index.ts';
import { kindDefects, soundKinds } from './crl-kind-vectors.ts';
import * as vectors from './crl-vectors.ts';

const soundCrls = [...vectors.soundCrls, ...soundKinds];
const crlDefects = [...vectors.crlDefects, ...kindDefects];
const lints = [...crlLints.gates, ...crlLints.lints, ...crlLints.backstops];
const failing = (results: readonly { readonly lint: string }[]) => results.map(({ lint }) => lint);

describe('sound vectors pass', () => {
  it.each(soundCrls)('$name', ({ der, context }) => {
    expect(lintCrl(der, context)).toEqual([]);
  });
});

describe('a CRL with one defect fails that lint and no other', () => {
  it.each(crlDefects)('$name: $lint', ({ der, context, lint = '', also = [] }) => {
    expect(failing(lintCrl(der, context)).sort()).toEqual([lint, ...also].sort());
  });
});

it('every lint has a vector that fails it and a sound one that it applies to', () => {
  const named = new Set(crlDefects.map(({ lint }) => lint));
  expect(lints.map(({ name }) => name).filter((name) => !named.has(name))).toEqual([]);
  const subjects = soundCrls.map(({ der, context }) => {
    const linter = new CrlLinter(context);
    linter.write(der);
    return linter.subject();
  });
  expect(
    lints
      .filter((lint) => !subjects.some((subject) => lint.applies(subject)))
      .map(({ name }) => name),
  ).toEqual([]);
});

it('vectors have names of their own', () => {
  const names = [...soundCrls, ...crlDefects].map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
