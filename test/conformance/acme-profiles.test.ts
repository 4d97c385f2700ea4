/** draft-ietf-acme-profiles: what is advertised, asked for and issued. */
import { beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, json, type Order } from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { externalAccountBinding } from '../support/acme-keys.ts';
import { directoryPolicy } from '../support/acme-node.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';

const under = await acmeUnderTest('acme-profiles', {
  directories: [
    directoryPolicy('servers', {
      profiles: new Map([['tls-server', 'https://pki.example.test/profiles#tls-server']]),
    }),
  ],
});
const client = under.client();

beforeAll(async () => {
  await client.register();
});

/** extendedKeyUsage and life, by openssl. */
async function issuedBy(
  profile: string | undefined,
): Promise<{ text: string; days: number; order: Order }> {
  const name = `${profile ?? 'none'}.example.test`;
  const more = profile === undefined ? {} : { profile };
  const { certificate, order } = await client.obtain([name], csr([name]).der, more);
  const text = under.openssl(['x509', '-noout', '-text'], certificate.toString());
  const days = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 86_400_000;
  return { text, days, order };
}

describe('§3 directory', () => {
  it('meta.profiles names each with what it is for, and never those of CAs and responders', async () => {
    const { meta } = await client.directory();
    expect(Object.keys(meta?.profiles ?? {}).toSorted()).toEqual(['short-lived', 'tls-server']);
    for (const description of Object.values(meta?.profiles ?? {}))
      expect(description).toMatch(/\S/);
    const narrow = await under.client('servers').directory();
    expect(narrow.meta?.profiles).toEqual({
      'tls-server': 'https://pki.example.test/profiles#tls-server',
    });
  });
});

describe('§4 order', () => {
  it('the one asked for is in the order, now and later, and the certificate is of it', async () => {
    const short = await issuedBy('short-lived');
    expect(short.order.profile).toBe('short-lived');
    const long = await issuedBy('tls-server');
    expect(long.order.profile).toBe('tls-server');
    expect(short.days).toBeLessThan(long.days);
    expect(long.text).toContain('TLS Web Server Authentication');
  });

  it('none asked for: the default is chosen, and shown', async () => {
    expect((await issuedBy(undefined)).order.profile).toBe('tls-server');
  });

  it.each([
    ['nothing'],
    ['root-ca'],
    ['issuing-ca'],
    ['ocsp-signing'],
    ['https-server'],
    ['code-signing'],
    ['TLS-SERVER'],
    ['../tls-server'],
    ['tls-server.yaml'],
    [''],
    ['__proto__'],
    ['constructor'],
  ])('%j is not advertised: invalidProfile', async (profile) => {
    expectProblem(await client.newOrder(['a.example.test'], { profile }), 400, 'invalidProfile');
  });

  it.each([[7], [null], [{}], [['tls-server']], [true]])('%j is no name', async (profile) => {
    const answer = await client.newOrder(['a.example.test'], { profile });
    expect(answer.status).toBe(400);
    expect(json<{ type: string }>(answer).type).toMatch(/:(invalidProfile|malformed)$/);
  });

  it('a profile of one directory is none of another', async () => {
    const narrow = under.client('servers');
    await narrow.register();
    const answer = await narrow.newOrder(['a.example.test'], { profile: 'short-lived' });
    expectProblem(answer, 400, 'invalidProfile');
  });

  it("an account's binding narrows it, and its default with it", async () => {
    const { newAccount } = await under.client('eab').directory();
    const made = await under.credential({ profiles: ['short-lived'] });
    const bound = under.client('eab');
    await bound.register({
      externalAccountBinding: externalAccountBinding(made, newAccount, bound.key.jwk),
    });
    const answer = await bound.newOrder(['a.example.test'], { profile: 'tls-server' });
    expectProblem(answer, 400, 'invalidProfile');
    expect((await bound.order(['a.example.test'])).order.profile).toBe('short-lived');
  });

  it('the CSR chooses nothing: §6 leaves it names and key', async () => {
    const name = 'plain.example.test';
    const { certificate } = await client.obtain([name], csr([name], { commonNames: [name] }).der, {
      profile: 'short-lived',
    });
    expect(certificate.ca).toBe(false);
  });
});
