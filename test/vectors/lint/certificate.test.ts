import { describe, expect, it } from 'vitest';
import { certificateLints } from '../../../src/lint/certificate/index.ts';
import { CertificateSubject } from '../../../src/lint/certificate-subject.ts';
import { lintCertificate } from '../../../src/lint/index.ts';
import { extensionVectors } from './certificate-extensions.ts';
import { fieldVectors } from './certificate-fields.ts';
import { nameVectors } from './certificate-names.ts';
import { soundCertificates } from './certificate-sound.ts';

const lints = [...certificateLints.gates, ...certificateLints.lints, ...certificateLints.backstops];
const defects = [...fieldVectors, ...extensionVectors, ...nameVectors];
const failing = (results: readonly { readonly lint: string }[]) => results.map(({ lint }) => lint);

describe('sound certificates pass', () => {
  it.each(soundCertificates)('$name', ({ der, context }) => {
    expect(lintCertificate(der, context)).toEqual([]);
  });
});

describe('a certificate with one defect fails that lint and no other', () => {
  it.each(defects)('$name: $lint', ({ der, context, lint = '', also = [] }) => {
    expect(failing(lintCertificate(der, context)).sort()).toEqual([lint, ...also].sort());
  });
});

it('every lint has a vector that fails it and a sound one that it applies to', () => {
  const named = new Set(defects.map(({ lint }) => lint));
  expect(lints.map(({ name }) => name).filter((name) => !named.has(name))).toEqual([]);
  const subjects = soundCertificates.map(
    ({ der, context }) => new CertificateSubject(der, context),
  );
  // subject-present has something to say only where the subject is empty, and so on.
  expect(
    lints
      .filter((lint) => !subjects.some((subject) => lint.applies(subject)))
      .map(({ name }) => name),
  ).toEqual([]);
});

it('vectors have names of their own', () => {
  const names = [...soundCertificates, ...defects].map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

it('no sound certificate passes when an octet is cut off or added', () => {
  for (const { der, context } of soundCertificates) {
    expect(failing(lintCertificate(der.subarray(0, -1), context))).toEqual(['structure']);
    expect(failing(lintCertificate(Uint8Array.of(...der, 0), context))).toEqual(['structure']);
  }
});
