/** Files that commands write: whole or as they were. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCertificates } from '../../../scripts/command/ocsp/subject-certificate.ts';
import { writeFileWhole } from '../../../scripts/command/output.ts';
import { testIssuer } from '../../support/test-hierarchy.ts';
import { issuerPem } from '../../support/test-responder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-output-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a file that a command writes', () => {
  it('is replaced whole, with its mode, and nothing is left beside it', () => {
    const file = join(folder, 'key.pem');
    writeFileSync(file, 'old', { mode: 0o644 });
    const large = 'x'.repeat(5_000_000);
    writeFileWhole(file, large, 0o600);
    expect(readFileSync(file, 'utf8')).toBe(large);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['key.pem']);
  });

  it('is not written through what somebody put where its temporary file goes', () => {
    const file = join(folder, 'out.pem');
    const elsewhere = join(folder, 'elsewhere');
    writeFileSync(elsewhere, 'kept');
    symlinkSync(elsewhere, `${file}.${process.pid}.tmp`);
    writeFileWhole(file, 'new');
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(readFileSync(elsewhere, 'utf8')).toBe('kept');
  });

  it('that can not take its place leaves nothing, and the error names it', () => {
    const file = join(folder, 'out.pem');
    mkdirSync(join(file, 'not-empty'), { recursive: true });
    expect(() => writeFileWhole(file, 'new')).toThrow(`${file} can't be written`);
    expect(readdirSync(folder)).toEqual(['out.pem']);
  });
});

describe('certificates that a command is given', () => {
  it('may have text around them, as openssl writes it, and a key beside them, as haproxy wants it', () => {
    const issuer = testIssuer('Of a file');
    const file = join(folder, 'site.pem');
    const key = '-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n';
    writeFileSync(file, `Certificate:\n    Data:\n${issuerPem(issuer)}${key}`);
    expect(readCertificates(file).map(({ der }) => der)).toEqual([issuer.certificate.der]);
    writeFileSync(file, issuer.certificate.der);
    expect(readCertificates(file)).toHaveLength(1);
    writeFileSync(file, key);
    expect(() => readCertificates(file)).toThrow(`${file} can't be read as certificates`);
  });
});
