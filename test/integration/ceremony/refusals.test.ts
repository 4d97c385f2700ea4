import { createHash, sign } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verdictText, verifyFile } from '../../../scripts/command/ceremony/verify.ts';
import { canonicalize } from '../../../src/audit/index.ts';
import { parseCeremony, verifyTranscript } from '../../../src/authority/index.ts';
import { systemClock } from '../../../src/composition.ts';
import { loadConfiguration } from '../../../src/config/index.ts';
import { openConfiguredToken } from '../../../src/hsm/index.ts';
import { type Certificate, encodePem } from '../../../src/pkix/index.ts';
import { type CeremonyRun, ceremonyHall, people } from '../../support/ceremony.ts';
import { run } from '../../support/installation.ts';
import { sampleCertificate, sampleKey } from '../../support/pki-samples.ts';
import { makeRequest, softwareKey } from '../../support/software-issuer.ts';

const hall = await ceremonyHall('ceremony_refusals');

const common = (kind: string): string => `ceremony: ${kind}
name: trial
purpose: a trial
${people}`;
const issuer = (more = ''): string =>
  `issuer: { name: trial-root, subject: CN=Trial Root, key: p256, days: 3650${more} }\n`;
const root = `${common('root')}${issuer()}crl: { days: 90 }\n`;

// The first ceremony of the file: everything below needs its root and its transcript.
const first = await hall.run(
  root.replace('trial-root', 'root').replace('Trial Root', 'First Root'),
);
const octets = readFileSync(first.transcript);

async function findings(yaml: string): Promise<readonly string[]> {
  return (await hall.plan(yaml)).findings.map(({ message }) => message);
}

function fault(yaml: string): string {
  try {
    parseCeremony(Buffer.from(yaml), 'trial.yaml');
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** An abort: nothing was made, and its transcript is signed like any other. */
function aborted({ failure, transcript }: CeremonyRun): string {
  const verdict = verifyFile(transcript, [`${transcript}.pub`]);
  expect(verdict.problems).toEqual([]);
  expect(verdict.ceremony?.outcome).toBe('aborted');
  expect(verdict.made).toEqual([]);
  return failure ?? '';
}

describe('the file is read strictly', () => {
  test.each([
    [
      'an unknown key, by its line',
      `${root}witness: Carol\n`,
      /trial\.yaml:12: unknown key witness/,
    ],
    [
      'an unknown kind',
      root.replace('ceremony: root', 'ceremony: party'),
      /trial\.yaml:1: ceremony: must be one of root, /,
    ],
    ['a wrong value, by its line', root.replace('p256', 'p192'), /trial\.yaml:10: issuer\.key/],
    [
      'a person in two parts, however spelt',
      root.replace('Carol Example', 'ALICE  example'),
      /stands there twice/,
    ],
    ['no witness', root.replace(/ {2}witnesses:\n.*\n/, ''), /participants\.witnesses/],
    ['an alias', root.replace('a trial', '&a trial').replace('CN=Trial Root', '*a'), /aliases/],
  ])('%s', (_what, yaml, message) => {
    expect(fault(yaml)).toMatch(message);
  });
});

describe('a plan lints', () => {
  const csr = Buffer.from(makeRequest(softwareKey('p256', 'x'), 'CN=Some CA', []).der);
  const request = (sha256: string, subject = 'CN=Some CA'): string =>
    `${common('intermediate')}by: { issuer: root }\nrequest: { file: some.csr, sha256: "${sha256}", subject: "${subject}", days: 100 }\n`;
  const below = `${common('intermediate')}by: { issuer: root }\n`;

  test.each([
    ['more days than the profile allows', root.replace('3650', '30000'), /at most/],
    ['a key too weak for so long', root.replace('p256', 'rsa2048'), /112 bits/],
    ['a CRL longer than a ceremony makes', root.replace('90', '400'), /at most 366 days/],
    ['a name that is taken', root.replace('trial-root', 'root'), /there is an issuer root already/],
    [
      'a token that nobody holds',
      root.replace('holds: [root]', 'holds: [issuing]'),
      /no custodian holds the root token/,
    ],
    [
      'a clock that is off, or another day',
      root.replace(
        'purpose:',
        'between: { from: 2020-01-01T00:00:00Z, until: 2020-01-02T00:00:00Z }\npurpose:',
      ),
      /the clock is off/,
    ],
    [
      'an issuer under another name than declared',
      below.replace('issuer: root', 'issuer: root, subject: CN=Another') + issuer(),
      /issuer root is CN=First Root, the ceremony's file says CN=Another/,
    ],
    [
      'an issuer with another certificate',
      below.replace('issuer: root', `issuer: root, certificateSha256: "${'0'.repeat(64)}"`) +
        issuer(),
      /has SHA-256/,
    ],
    ['a CA that outlives its issuer', below + issuer(), /outlive/],
    ['another request than the one declared', request('0'.repeat(64)), /it is another file/],
    [
      'a key that the inventory does not have',
      `${common('destruction')}keys: [{ keyId: "${'ab'.repeat(20)}", spkiSha256: "${'0'.repeat(64)}" }]\n`,
      /no key abab/,
    ],
  ])('%s', async (_what, yaml, message) => {
    hall.write('some.csr', encodePem('CERTIFICATE REQUEST', csr));
    expect((await findings(yaml)).join('\n')).toMatch(message);
  });

  test('and changes nothing: the same plan has the same hash', async () => {
    const file = root;
    const [a, b] = [await hall.plan(file), await hall.plan(file)];
    expect(a.planSha256).toBe(b.planSha256);
    expect(a.findings).toEqual([]);
  });
});

describe('a ceremony refuses', () => {
  test('a plan that is not the approved one, before it begins', async () => {
    const { failure, transcript } = await hall.run(root, { plan: '00000000ffffffff' });
    expect(failure).toContain('not the one that was approved');
    expect(existsSync(transcript)).toBe(false);
  });

  test('whoever is missing, is another, or did not read the plan', async () => {
    const absent = { 'present/Carol Example': undefined };
    expect(aborted(await hall.run(root, { answers: absent }))).toContain('nobody answered');
    const other = { 'present/Bob Example': 'Carol Example' };
    expect(aborted(await hall.run(root, { answers: other }))).toContain('Bob Example answered');
    const unread = { 'plan/Alice Example': '12345678' };
    expect(aborted(await hall.run(root, { answers: unread }))).toContain('Alice Example answered');
  });

  test('another token than the declared one, and a clock that no witness believes', async () => {
    const wrong = `${root}tokens: { root: { label: chancery-root, serialNumber: "0000" } }\n`;
    expect(aborted(await hall.run(wrong))).toContain('this is another root token: serialNumber');
    const clock = { 'clock/Carol Example': 'no' };
    expect(aborted(await hall.run(root, { answers: clock }))).toContain('clock');
  });

  test('a token that has a key of that name which the inventory does not know', async () => {
    const { tokens } = loadConfiguration(hall.environment);
    const token = openConfiguredToken('root', tokens.root, { clock: systemClock });
    await token.generateKeyPair({
      keyAlgorithm: 'p256',
      signatureAlgorithm: 'ecdsa-with-SHA256',
      purposes: ['certificate', 'crl'],
      label: 'planted',
    });
    await token.close();
    const yaml = root.replace('trial-root', 'planted');
    expect(aborted(await hall.run(yaml))).toContain('already has a key labelled planted');
  });

  test('a file that was changed after the approval', async () => {
    const running = hall.run(root);
    const { file, transcript } = hall.last();
    await expect.poll(() => existsSync(transcript), { interval: 1, timeout: 30_000 }).toBe(true);
    appendFileSync(file, '# changed\n');
    expect(aborted(await running)).toContain('something changed');
  });
});

type Line = Record<string, unknown>;
const sha256 = (octets: Uint8Array | string) => createHash('sha256').update(octets).digest('hex');

/** The first transcript as somebody with a key of their own would write it, each hash in order. */
function forged(change: (lines: Line[]) => void): Buffer {
  const lines = octets
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  change(lines);
  const { privateKey, subjectPublicKeyInfo } = softwareKey('p256', 'forger');
  Object.assign(lines.at(-2) ?? {}, {
    subjectPublicKeyInfo: Buffer.from(subjectPublicKeyInfo.der).toString('base64'),
    spkiSha256: sha256(subjectPublicKeyInfo.der),
  });
  let text = '';
  let previous = '';
  for (const [number, line] of lines.entries()) {
    const signature =
      number === lines.length - 1
        ? { value: sign('sha256', Buffer.from(text), privateKey).toString('base64') }
        : {};
    const written = canonicalize({ ...line, ...signature, number, previous });
    previous = sha256(written);
    text += `${written}\n`;
  }
  return Buffer.from(text);
}

describe('a transcript', () => {
  test('is refused with any octet changed, removed or added', () => {
    const trust = { anchors: [], keys: [] };
    expect(verifyTranscript(octets, trust).problems).toEqual([]);
    fc.assert(
      fc.property(fc.nat(octets.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(octets);
        changed[at] = (changed[at] ?? 0) ^ flip;
        return !verifyTranscript(changed, trust).valid;
      }),
      { numRuns: 400 },
    );
    const lines = octets.toString('utf8').trimEnd().split('\n');
    for (const [index] of lines.entries()) {
      const fewer = lines.filter((_line, other) => other !== index);
      expect(verifyTranscript(Buffer.from(`${fewer.join('\n')}\n`), trust).valid).toBe(false);
    }
    for (const more of [
      Buffer.concat([octets, octets]),
      Buffer.concat([octets, Buffer.from('\n')]),
    ]) {
      expect(verifyTranscript(more, trust).valid).toBe(false);
    }
  });

  test('that somebody else wrote anew holds together at best, and says what was not planned', () => {
    const own = forged(() => undefined);
    const { valid, signedBy } = verifyTranscript(own, { anchors: [], keys: [] });
    expect({ valid, trusted: signedBy?.trusted }).toEqual({ valid: true, trusted: false });
    hall.write('forged.jsonl', own);
    expect(verdictText(verifyFile(hall.path('forged.jsonl'), [])).at(-1)).toContain(
      'whose it is was not checked',
    );
    const problems = (change: Parameters<typeof forged>[0]): string =>
      verifyTranscript(forged(change), { anchors: [], keys: [] }).problems.join('\n');
    const made = (lines: readonly Line[], what: string) =>
      lines.filter((line) => line['kind'] === 'made' && line['what'] === what);
    // Another root, of the forger's; and a CA whose issuer is not there to be checked.
    const key = sampleKey('ecdsa-with-SHA384', 70);
    const root = sampleCertificate({ key, subject: 'CN=First Root', ca: true });
    const below = sampleCertificate({ key, issuer: { certificate: root, key }, ca: true });
    const replaced = (certificate: Certificate) => (lines: Line[]) => {
      for (const line of made(lines, 'certificate')) {
        const before = line['sha256'];
        Object.assign(line, {
          der: Buffer.from(certificate.der).toString('base64'),
          sha256: sha256(certificate.der),
          tbsSha256: sha256(certificate.tbsDer),
          spkiSha256: sha256(certificate.subjectPublicKeyInfo.der),
        });
        const swap = (value: unknown) => (value === before ? line['sha256'] : value);
        for (const other of lines) {
          if (other['kind'] === 'asked') other['object'] = swap(other['object']);
          if (other['kind'] === 'end') other['made'] = (other['made'] as string[]).map(swap);
        }
      }
    };
    expect(problems(replaced(root))).toMatch(/^certificate root was not planned: .*validity/);
    expect(problems(replaced(below))).toContain("its issuer's certificate is not beside it");
    expect(
      problems((lines) => {
        const [crl] = made(lines, 'crl');
        const end = lines.at(-3);
        if (crl === undefined || end === undefined) throw new Error('no CRL');
        (end['made'] as unknown[]).push(crl['sha256']);
        lines.splice(lines.indexOf(crl), 0, { ...crl });
      }),
    ).toContain('2 of crl were made, 1 were planned');
  });

  test('is verified offline: no home, no data, no configuration', async () => {
    const verify = async (...trust: readonly string[]) =>
      run(
        'env',
        [
          '-i',
          process.execPath,
          resolve('scripts/command/main.ts'),
          'ceremony',
          'verify',
          first.transcript,
          ...trust,
        ],
        { cwd: '/' },
      );
    const trusted = await verify('--trust', `${first.transcript}.pub`);
    expect(trusted.stdout).toContain('the transcript is valid');
    expect(trusted.code).toBe(0);
    const key = softwareKey('p256', 'another');
    hall.write('another.pem', encodePem('PUBLIC KEY', key.subjectPublicKeyInfo.der));
    const untrusted = await verify('--trust', hall.path('another.pem'));
    expect(untrusted.stdout).toContain('none of those that are trusted');
    expect(untrusted.code).toBe(1);
  });
});
