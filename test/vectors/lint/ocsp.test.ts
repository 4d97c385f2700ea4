import { describe, expect, it } from 'vitest';
import { lintOcspResponse } from '../../../src/lint/index.ts';
import { ocspLints } from '../../../src/lint/ocsp/index.ts';
import { OcspSubject } from '../../../src/lint/ocsp-subject.ts';
import { ocspDefects, soundResponses } from './ocsp-vectors.ts';

const lints = [...ocspLints.gates, ...ocspLints.lints, ...ocspLints.backstops];
const failing = (results: readonly { readonly lint: string }[]) => results.map(({ lint }) => lint);

describe('sound vectors pass', () => {
  it.each(soundResponses)('$name', ({ der, context }) => {
    expect(lintOcspResponse(der, context)).toEqual([]);
  });
});

describe('a OCSP response with one defect fails that lint and no other', () => {
  it.each(ocspDefects)('$name: $lint', ({ der, context, lint = '', also = [] }) => {
    expect(failing(lintOcspResponse(der, context)).sort()).toEqual([lint, ...also].sort());
  });
});

it('every lint has a vector that fails it and a sound one that it applies to', () => {
  const named = new Set(ocspDefects.map(({ lint }) => lint));
  expect(lints.map(({ name }) => name).filter((name) => !named.has(name))).toEqual([]);
  const subjects = soundResponses.map(({ der, context }) => new OcspSubject(der, context));
  expect(
    lints
      .filter((lint) => !subjects.some((subject) => lint.applies(subject)))
      .map(({ name }) => name),
  ).toEqual([]);
});

it('vectors have names of their own', () => {
  const names = [...soundResponses, ...ocspDefects].map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
