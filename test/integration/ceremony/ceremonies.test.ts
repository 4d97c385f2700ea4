import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { localOperator } from '../../../scripts/command/accept-restore.ts';
import { listHere } from '../../../scripts/command/ceremony/list.ts';
import { withComposition } from '../../../scripts/command/ceremony/run.ts';
import { verifyFile } from '../../../scripts/command/ceremony/verify.ts';
import { initialiseInstallation } from '../../../scripts/command/initialise.ts';
import { ceremonyKinds, parseCeremony } from '../../../src/authority/index.ts';
import { loadConfiguration } from '../../../src/config/index.ts';
import { ceremonyHall, people } from '../../support/ceremony.ts';
import { until } from '../../support/quickstart-run.ts';
import { atTerminal, type TerminalRun } from '../../support/terminal.ts';

const hall = await ceremonyHall('ceremonies');

const head = (kind: string, name: string): string => `ceremony: ${kind}
name: ${name}
purpose: a test of ${name}
${people}`;

/** Holds it, and gives the verdict under the root and the key that signed. */
async function held(yaml: string, trust: readonly string[] = [hall.path('root.pem')]) {
  const { failure, transcript } = await hall.run(yaml);
  expect(failure).toBeUndefined();
  const verdict = verifyFile(transcript, [`${transcript}.pub`, ...trust]);
  expect(verdict.problems).toEqual([]);
  expect(verdict.ceremony?.outcome).toBe('completed');
  return { verdict, transcript };
}

function openssl(...parameters: readonly string[]): string {
  return execFileSync('openssl', parameters, {
    cwd: hall.path(''),
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

function derHash(kind: 'req' | 'x509', file: string): string {
  const der = execFileSync('openssl', [kind, '-in', hall.path(file), '-outform', 'DER']);
  return createHash('sha256').update(der).digest('hex');
}

function csr(name: string, subject: string): string {
  openssl(
    'req',
    '-new',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    ...['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject],
  );
  return derHash('req', `${name}.csr`);
}

describe('a root and what is below it', () => {
  test('a root: key in the root token, certificate as planned, a first CRL that lasts', async () => {
    const yaml = `${head('root', 'first-root')}
tokens: { root: { label: chancery-root }, issuing: { label: chancery-issuing } }
issuer: { name: root, subject: "CN=Ceremony Root,O=Example", key: p384, days: 3650, pathLength: 1 }
crl: { days: 100 }
out: { certificate: root.pem }
`;
    const { plan, findings } = await hall.plan(yaml);
    expect(findings).toEqual([]);
    expect(plan.makes.map(({ make }) => make)).toEqual(['keyPair', 'certificate', 'crl']);
    const { verdict, transcript } = await held(yaml);
    expect(verdict.made.map(({ what }) => what)).toEqual(['keyPair', 'certificate', 'crl']);
    expect(verdict.remarks).toEqual([expect.stringContaining('answers came from a file')]);
    // The judge: what docs/ceremonies.md shows, word for word.
    const [, commands = ''] =
      /openssl verifies the signature as well:\n\n```\n([^`]*)```/.exec(
        readFileSync(new URL('../../../docs/ceremonies.md', import.meta.url), 'utf8'),
      ) ?? [];
    const script = commands.replaceAll(/\bT\b/g, transcript);
    const judged = execFileSync('sh', ['-ec', script], { cwd: hall.path(''), encoding: 'utf8' });
    expect(judged).toContain('Verified OK');
    expect(openssl('x509', '-in', 'root.pem', '-noout', '-subject')).toContain('Ceremony Root');
  });

  test('an intermediate of this installation; init goes on with what ceremonies made', async () => {
    const yaml = `${head('intermediate', 'first-issuing')}
by: { issuer: root, subject: "CN=Ceremony Root,O=Example" }
issuer: { name: issuing, subject: CN=Ceremony Issuing, key: p256, days: 1000, pathLength: 0 }
out: { chain: issuing-chain.pem }
`;
    await held(yaml);
    openssl('verify', '-CAfile', 'root.pem', 'issuing-chain.pem');
    const said: string[] = [];
    await initialiseInstallation(hall.environment, (step) => said.push(step));
    expect(said.filter((step) => /root CA|issuing CA/.test(step))).toEqual([]);
    expect(readFileSync(`${hall.folder}/data/trust/root.pem`, 'utf8')).toBe(
      hall.read('root.pem').toString(),
    );
  });

  test('the request of another machine: certificate and chain for it', async () => {
    const sha256 = csr('other', '/CN=Other Machine CA');
    const yaml = `${head('intermediate', 'other-machine')}
by: { issuer: root }
request: { file: other.csr, sha256: ${sha256}, subject: CN=Other Machine CA, days: 900, pathLength: 0, permitDns: [example.org] }
out: { certificate: other.pem, chain: other-chain.pem }
`;
    const { plan } = await hall.plan(yaml);
    const [thing] = plan.makes;
    const fields = thing?.make === 'certificate' ? thing.fields : undefined;
    // The key is there: every extension is known to the octet.
    expect(fields?.extensions.filter(({ value }) => !/^[0-9a-f]+$/.test(value))).toEqual([]);
    await held(yaml);
    openssl('verify', '-CAfile', 'root.pem', 'other.pem');
    expect(openssl('x509', '-in', 'other.pem', '-noout', '-text')).toContain('DNS:example.org');
  });

  test('a cross-certificate over the self-signed certificate of another hierarchy', async () => {
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-384',
      '-nodes',
      '-days',
      '3000',
      ...['-keyout', 'partner.key', '-out', 'partner.pem', '-subj', '/CN=Partner Root'],
    );
    const yaml = `${head('cross-certificate', 'partner')}
by: { issuer: root }
certificate: { file: partner.pem, sha256: ${derHash('x509', 'partner.pem')}, subject: CN=Partner Root, days: 900, pathLength: 0 }
out: { certificate: cross.pem }
`;
    await held(yaml);
    openssl('verify', '-CAfile', 'root.pem', 'cross.pem');
  });
});

describe('at a terminal', () => {
  const yaml = (name: string): string => `${head('root-crl', name)}
by: { issuer: root }
crl: { days: 90 }
`;
  const hold = (name: string) => {
    const file = hall.write(`${name}.yaml`, yaml(name));
    const transcript = hall.path(`${name}.transcript`);
    const command = [process.execPath, resolve('scripts/command/main.ts'), 'ceremony', 'run', file];
    const run = atTerminal([...command, '--transcript', transcript], hall.environment);
    return { run, transcript };
  };
  const arrive = async (run: TerminalRun): Promise<void> => {
    for (const name of ['Alice Example', 'Bob Example', 'Carol Example']) {
      await run.answer(`${name}, you are here as`, name);
    }
  };

  test('people answer, one reads again, the PIN is typed and never shown', async () => {
    const { run, transcript } = hold('typed-crl');
    const pin = readFileSync(
      loadConfiguration(hall.environment).tokens.root.pinFile,
      'utf8',
    ).trim();
    await arrive(run);
    const [, sha256 = ''] = /^plan SHA-256 ([0-9a-f]+ [0-9a-f]+)/m.exec(run.screen()) ?? [];
    const digits = sha256.replaceAll(' ', '').slice(0, 8);
    await run.answer('Alice Example, if you approve', '00000000');
    await run.answer('Alice Example, if you approve', digits);
    expect(run.screen()).toContain('that is not it; read again');
    await run.answer('Bob Example, if you approve', digits);
    await run.answer('Carol Example, if you approve', digits);
    await run.answer('PIN of the root token', '');
    await run.answer('PIN (not shown):', pin);
    await run.answer('PIN of the issuing token', 'configured');
    await run.answer('Is that right? (yes/no)', 'yes');
    await until('what was made', () => /made: crl root\s+SHA-256 [0-9a-f ]{8}/.test(run.screen()));
    const [, made = ''] = /made: crl root\s+SHA-256 ([0-9a-f]+ [0-9a-f]+)/.exec(run.screen()) ?? [];
    await run.answer('of crl root', made.replaceAll(' ', '').slice(0, 8));
    expect(await run.ended, run.screen()).toBe(0);
    expect(run.screen()).not.toContain(pin);
    expect(readFileSync(transcript, 'utf8')).not.toContain(pin);
    const verdict = verifyFile(transcript, [`${transcript}.pub`, hall.path('root.pem')]);
    expect(verdict.problems).toEqual([]);
    expect(verdict.remarks).not.toContainEqual(expect.stringContaining('answers came from a file'));
  });

  test('somebody breaks it off: exit code 1, and a signed transcript that says so', async () => {
    const { run, transcript } = hold('broken-crl');
    await arrive(run);
    await run.answer('Alice Example, if you approve', '\u0003');
    expect(await run.ended, run.screen()).toBe(1);
    expect(run.screen()).toContain('broken off at the terminal');
    const verdict = verifyFile(transcript, [`${transcript}.pub`]);
    expect(verdict.ceremony?.outcome).toBe('aborted');
    expect(verdict.problems).toEqual([]);
  });
});

describe('an absent root', () => {
  test('its next CRL, as long as was declared', async () => {
    const yaml = `${head('root-crl', 'second-crl')}
by: { issuer: root }
crl: { days: 200 }
out: { crl: root.crl }
`;
    await held(yaml);
    const text = openssl(
      'crl',
      '-inform',
      'DER',
      '-in',
      'root.crl',
      '-noout',
      '-lastupdate',
      '-nextupdate',
    );
    const [, last, next] = /lastUpdate=(.*)\nnextUpdate=(.*)\n/.exec(text) ?? [];
    expect((Date.parse(next ?? '') - Date.parse(last ?? '')) / 86_400_000).toBe(200);
    openssl('crl', '-inform', 'DER', '-in', 'root.crl', '-CAfile', 'root.pem', '-noout');
  });

  test('a delegate with a longer life for a responder’s request', async () => {
    const sha256 = csr('delegate', '/CN=asked for');
    const yaml = `${head('delegate', 'root-delegate')}
by: { issuer: root }
responder: responder
request: { file: delegate.csr, sha256: ${sha256} }
days: 300
out: { certificate: delegate.pem }
`;
    await held(yaml);
    const text = openssl('x509', '-in', 'delegate.pem', '-noout', '-text');
    expect(text).toContain('OCSP Signing');
    expect(text).toContain('CN = root OCSP responder');
    expect(text).toContain('OCSP No Check');
  });
});

describe('the end of keys, and what follows', () => {
  test('a rollover prepares the next root', async () => {
    const yaml = `${head('rollover', 'next-root')}
by: { issuer: root }
issuer: { name: root-2, subject: CN=Ceremony Root 2, key: p384, days: 3650, pathLength: 1 }
out: { certificate: root-2.pem }
`;
    const { verdict } = await held(yaml, []);
    expect(verdict.made.map(({ what }) => what)).toEqual(['keyPair', 'certificate']);
  });

  test('in another ceremony the next root begins: its key is active, its first CRL is out', async () => {
    const yaml = `${head('rollover', 'next-root-begins')}
by: { issuer: root }
activate: { issuer: root-2, links: false }
crl: { days: 150 }
`;
    const { verdict } = await held(yaml, [hall.path('root-2.pem')]);
    expect(verdict.made.map(({ what, name }) => `${what} ${name}`)).toEqual(['crl root-2']);
  });

  test('the end of a key, of those that signed transcripts: the next one is signed by another', async () => {
    const { transcript } = hall.last();
    const [line = ''] = /.*"kind":"transcriptKey".*/.exec(readFileSync(transcript, 'utf8')) ?? [];
    const { keyId, spkiSha256 } = JSON.parse(line) as { keyId: string; spkiSha256: string };
    // The only active one of its record is not destroyed before another can follow.
    await withComposition(loadConfiguration(hall.environment), 'all', async ({ authority }) =>
      authority.suspendKey(localOperator, { key: keyId, reason: 'it is followed by another' }),
    );
    const yaml = `${head('destruction', 'end-of-key')}
keys: [{ keyId: "${keyId}", spkiSha256: "${spkiSha256}" }]
`;
    const ended = await held(yaml, []);
    expect(ended.verdict.made).toMatchObject([{ what: 'destruction', name: 'transcript' }]);
    expect(readFileSync(ended.transcript, 'utf8')).toContain('"privateState":"destroyed"');
    expect(ended.verdict.signedBy?.spkiSha256).not.toBe(spkiSha256);
  });

  test('every ceremony is on record, with the hash of its transcript', async () => {
    const items = await listHere(hall.environment);
    expect(items.map(({ name }) => name)).toEqual([
      'end-of-key',
      'next-root-begins',
      'next-root',
      'root-delegate',
      'second-crl',
      'broken-crl',
      'typed-crl',
      'partner',
      'other-machine',
      'first-issuing',
      'first-root',
    ]);
    for (const { name, outcome, answersFrom } of items) {
      expect([name, outcome, answersFrom]).toEqual([
        name,
        name === 'broken-crl' ? 'aborted' : 'completed',
        name === 'broken-crl' || name === 'typed-crl' ? 'terminal' : 'file',
      ]);
    }
  });
});

describe('docs/ceremonies', () => {
  const samples = new URL('../../../docs/ceremonies/', import.meta.url);
  const read = (kind: string): string => readFileSync(new URL(`${kind}.yaml`, samples), 'utf8');

  test.each(ceremonyKinds)('the sample of %s is read', (kind) => {
    expect(parseCeremony(Buffer.from(read(kind)), kind).declaration.ceremony).toBe(kind);
  });

  test('those that name no files and keys lint', async () => {
    for (const kind of ['root', 'intermediate', 'root-crl', 'rollover']) {
      expect((await hall.plan(read(kind))).findings, kind).toEqual([]);
    }
  });
});
