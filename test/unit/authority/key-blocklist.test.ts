import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadKeyPolicy } from '../../../src/composition.ts';
import { checkKey } from '../../../src/policy/index.ts';
import { softwareKey } from '../../support/software-issuer.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-blocklist-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('every file of the folder counts; both formats are read', () => {
  const ec = softwareKey('p256', 'listed').subjectPublicKeyInfo;
  const rsa = softwareKey('rsa2048', 'listed').subjectPublicKeyInfo;
  if (rsa.key.type !== 'rsa') throw new Error('no RSA key');
  const modulus = `Modulus=${rsa.key.modulus.toString(16).toUpperCase()}\n`;
  const tail = createHash('sha1').update(modulus).digest('hex').slice(20);
  writeFileSync(join(folder, 'own'), createHash('sha256').update(ec.der).digest('hex'));
  writeFileSync(join(folder, 'blacklist.RSA-2048'), `# Debian's format\n${tail}\n`);
  const policy = loadKeyPolicy(folder);
  for (const listed of [ec, rsa]) {
    expect(checkKey(listed, policy).map(({ rule }) => rule)).toEqual(['key.blocklist']);
  }
  expect(checkKey(softwareKey('p256', 'free').subjectPublicKeyInfo, policy)).toEqual([]);
});

test('a folder or line that can’t be read stops the start: a list that is skipped would let keys pass', () => {
  expect(() => loadKeyPolicy(join(folder, 'none'))).toThrow(/CHANCERY_KEY_BLOCKLIST_FOLDER/);
  writeFileSync(join(folder, 'broken'), 'not hex\n');
  expect(() => loadKeyPolicy(folder)).toThrow(/broken:1/);
});

test('without a folder the product’s own policy holds', () => {
  expect(
    checkKey(softwareKey('p256', 'free').subjectPublicKeyInfo, loadKeyPolicy(undefined)),
  ).toEqual([]);
});
