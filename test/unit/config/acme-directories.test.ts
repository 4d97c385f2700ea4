/** What the composition root makes of the configured directories and of the secret's file. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secretId } from '../../../src/acme/index.ts';
import type { AcmeTransaction, EabCredential } from '../../../src/acme/ports.ts';
import { directoryPolicies } from '../../../src/acme-composition.ts';
import { loadAcmeSecrets } from '../../../src/acme-secret.ts';
import { certificatesToPem } from '../../../src/authority/index.ts';
import { loadProfiles } from '../../../src/composition.ts';
import { loadConfiguration } from '../../../src/config/index.ts';
import { type TestIssuer, testIssuer } from '../../support/test-hierarchy.ts';

const profiles = loadProfiles('profiles');

function policies(directories?: object, from = profiles) {
  const { acme } = loadConfiguration({
    CHANCERY_DATA: '/nonexistent/chancery',
    CHANCERY_DATABASE_URL: 'postgresql://app@localhost/none',
    ...(directories === undefined
      ? {}
      : { CHANCERY_ACME_DIRECTORIES: JSON.stringify(directories) }),
  });
  return directoryPolicies(acme.directories, from);
}

describe('directories', () => {
  it('without a configuration offer servers, both sides, and short lives, servers first', () => {
    const found = policies();
    expect([...found.keys()]).toEqual(['default', 'eab']);
    for (const policy of found.values()) {
      expect([...policy.profiles.keys()]).toEqual(['tls-server', 'tls-mutual', 'short-lived']);
      expect(policy.defaultProfile).toBe('tls-server');
      expect(policy.profiles.get('tls-server')).toBe('TLS server');
      expect(policy.challengeTypes).toEqual(['http-01', 'dns-01', 'tls-alpn-01']);
      expect(policy.names).toEqual({ allow: {}, deny: {} });
    }
    expect(found.get('default')?.externalAccount).toBe('none');
    expect(found.get('eab')?.externalAccount).toBe('always');
  });

  it('do without the standard profiles that an installation took away', () => {
    const own = new Map([...profiles].filter(([name]) => name !== 'tls-mutual'));
    const offered = policies(undefined, own).get('default')?.profiles.keys() ?? [];
    expect([...offered]).toEqual(['tls-server', 'short-lived']);
  });

  it('say what they are told to say of a profile', () => {
    const words = { 'tls-mutual': 'for the mesh', 'short-lived': '' };
    const policy = policies({ mesh: { profiles: words } }).get('mesh');
    expect(policy?.defaultProfile).toBe('tls-mutual');
    expect(Object.fromEntries(policy?.profiles ?? [])).toEqual({
      'tls-mutual': 'for the mesh',
      'short-lived': 'Short-lived workload',
    });
  });

  const place = /^CHANCERY_ACME_DIRECTORIES: acme\.directories\.web: /;
  it.each([
    [{ profiles: { 'tls-sever': '' } }, /the profile "tls-sever" does not exist; choose of .*tls-/],
    [{ profiles: { 'ocsp-signing': '' } }, /"ocsp-signing" is not for names/],
    [{ profiles: { 'root-ca': '' } }, /"root-ca" is not for names/],
    [{ profiles: { 'code-signing': '' } }, /"code-signing" is not for names/],
    [{ profiles: {} }, /no profile is offered/],
    [{ defaultProfile: 'tls-client' }, /default profile "tls-client" is none of its profiles tls-/],
    [{ names: { allow: { dns: ['a b'] } } }, /names\.allow\.dns: "a b" can't be read/],
  ])('%j stops the start, by its place', (web, message) => {
    const start = () => policies({ web });
    expect(start).toThrow(message);
    expect(start).toThrow(place);
  });
});

describe('alternate chains', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'chancery-acme-chains-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const root = testIssuer('Elsewhere');
  const between = testIssuer('Between', { parent: root });
  const issuing = testIssuer('Issuing', { parent: between });
  const pem = (...issuers: readonly TestIssuer[]): string =>
    certificatesToPem(issuers.map(({ certificate }) => certificate.der));

  function read(text: string) {
    const file = join(folder, 'cross.pem');
    writeFileSync(file, text);
    return policies({ web: { alternateChains: [file] } }).get('web')?.alternateChains;
  }

  it.each([
    ['with the root', pem(issuing, between, root)],
    ['without it', pem(issuing, between)],
    ['with words around', `cross certificate\n${pem(issuing, between)}`],
  ])('%s: known by the key of the first, shown without the root', (_, text) => {
    const [chain, ...more] = read(text) ?? [];
    expect(more).toEqual([]);
    expect(chain?.issuerId).toBe(issuing.issuerId);
    expect(chain?.certificates).toEqual([issuing.certificate, between.certificate]);
  });

  it.each([
    ['in the wrong order', pem(between, issuing), /no alternate chain: /],
    ['a gap', pem(issuing, root), /no alternate chain: /],
    ['a root alone', pem(root), /its first certificate is a root/],
    ['no PEM', 'hello', /no alternate chain: /],
    ['nothing', '', /no alternate chain: /],
  ])('%s stops the start, by its place and file', (_, text, message) => {
    const place =
      /^CHANCERY_ACME_DIRECTORIES: acme\.directories\.web: alternateChains: .*cross\.pem/;
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(place);
  });

  it('a file that is not there is named', () => {
    const absent = { web: { alternateChains: [join(folder, 'absent.pem')] } };
    expect(() => policies(absent)).toThrow(/web: alternateChains: .*absent\.pem can't be read/);
  });
});

describe("the secret's file", () => {
  let folder: string;
  let file: string;
  let warnings: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'chancery-acme-secret-'));
    file = join(folder, 'acme', 'secret');
    warnings = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** With a database that holds these credentials. */
  async function load(credentials: readonly Partial<EabCredential>[] = []) {
    const transaction = {
      acme: { listCredentials: async () => ({ items: credentials, next: null }) },
    } as unknown as AcmeTransaction;
    const database = {
      readOne: async <T>(work: (within: AcmeTransaction) => Promise<T>) => work(transaction),
    };
    return loadAcmeSecrets(file, database, (message) => warnings.push(message));
  }

  it('is made once, for its owner alone', async () => {
    const [made] = await load();
    expect(made).toHaveLength(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'acme')).mode & 0o777).toBe(0o700);
    expect(await load()).toEqual([made]);
  });

  it('is not made anew for a database whose credentials came from a lost one', async () => {
    const credential = { kid: 'k1', secretId: '0123456789abcdef' };
    await expect(load([credential])).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/is missing.*k1.*0123456789abcdef.*restore it/) as string,
    });
    expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
    await load([{ ...credential, revokedAt: new Date() }]);
    expect(statSync(file).isFile()).toBe(true);
  });

  it('may hold older secrets below the newest; credentials of none of them are told', async () => {
    const [old] = await load();
    if (old === undefined) throw new Error('no secret');
    const newest = 'ab'.repeat(32);
    writeFileSync(file, `${newest}\n${Buffer.from(old).toString('hex').toUpperCase()}\n\n`);
    const credentials = [{ kid: 'k1', secretId: secretId(old) }];
    const both = await load(credentials);
    expect(both.map((secret) => Buffer.from(secret).toString('hex'))).toEqual([
      newest,
      Buffer.from(old).toString('hex'),
    ]);
    expect(warnings).toEqual([]);
    writeFileSync(file, `${newest}\n`);
    await load(credentials);
    expect(warnings).toEqual([expect.stringMatching(/^1 external account credentials \(k1/)]);
  });

  it.each([
    ['', /it is empty/],
    ['\n', /it is empty/],
    ['ab'.repeat(31), /line 1 does not/],
    [`${'ab'.repeat(32)}\nsecret words\n`, /line 2 does not/],
  ])('%j is refused without repeating it', async (text, message) => {
    await load();
    writeFileSync(file, text);
    const error = await load().catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'configuration', message: expect.stringMatching(message) });
    expect(String(error)).not.toMatch(/secret words|abab/);
  });

  it('is refused when others may read it', async () => {
    await load();
    chmodSync(file, 0o640);
    await expect(load()).rejects.toThrow(/mode 640\); run: chmod 600/);
    expect(readFileSync(file, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  });
});
