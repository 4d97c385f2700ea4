import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FailpointName } from '../../../src/authority/index.ts';
import { drawSerialNumber } from '../../../src/authority/serial-numbers.ts';
import { integer } from '../../../src/der/index.ts';
import {
  encodeBasicConstraints,
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodeSubjectAltName,
  findExtension,
  oids,
  parseBasicConstraints,
  parseCertificate,
} from '../../../src/pkix/index.ts';
import { defaultKeyPolicy, parseProfile } from '../../../src/policy/index.ts';
import {
  admin,
  csrFor,
  freshKey,
  principal,
  refusal,
  testAuthority,
} from '../../support/authority.ts';
import { productProfiles } from '../../support/authority-node.ts';
import { makeRequest, softwareKey } from '../../support/software-issuer.ts';

const chancery = await testAuthority('issuance');
const { authority, clock } = chancery;

async function ask(csr: Uint8Array, profile = 'tls-server') {
  return authority.issueCertificate(admin, { profile, csr });
}

describe('T-POP-1: possession of the key is proven before anything is looked at', () => {
  const csr = csrFor(freshKey(), 'pop.example.test');

  test('a bit of the request or of its signature flipped', async () => {
    for (const at of [csr.length - 5, Math.floor(csr.length / 2)]) {
      const flipped = Uint8Array.from(csr);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      expect(['badCsr', 'malformed']).toContain(await refusal(ask(flipped)));
    }
  });

  test('a signature by another key', async () => {
    const [mine, theirs] = [freshKey(), freshKey()];
    const request = makeRequest({ ...mine, privateKey: theirs.privateKey }, 'CN=x');
    expect(await refusal(ask(request.der))).toBe('badCsr');
  });

  test('a signature with SHA-1', async () => {
    const file = join(chancery.folder, 'sha1.key');
    writeFileSync(file, softwareKey('rsa2048').privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const der = execFileSync('openssl', [
      ...['req', '-new', '-sha1', '-key', file, '-subj', '/CN=a.example', '-outform', 'DER'],
    ]);
    expect(await refusal(ask(der))).toBe('badCsr');
  });

  test('no CSR at all', async () => {
    for (const octets of [new Uint8Array(), Uint8Array.of(0x30, 0), Buffer.from('hello')]) {
      expect(await refusal(ask(octets))).toBe('badCsr');
    }
  });
});

describe('T-CA-1 and what else a CSR may ask beyond its profile', () => {
  test.each([
    ['CA:TRUE', encodeBasicConstraints({ cA: true })],
    ['keyCertSign', encodeKeyUsage(['digitalSignature', 'keyCertSign'])],
    ['OCSPSigning', encodeExtendedKeyUsage([oids.serverAuth, oids.ocspSigning])],
    ['anyExtendedKeyUsage', encodeExtendedKeyUsage(['2.5.29.37.0'])],
    ['a path length', encodeBasicConstraints({ cA: true, pathLenConstraint: 3 })],
  ])('%s is refused with rule, value, clause and mend', async (_what, extension) => {
    const before = await authority.searchCertificates(admin, { limit: 1000 });
    try {
      await ask(csrFor(freshKey(), 'ca.example.test', [extension]));
      throw new Error('it was issued');
    } catch (error) {
      const { violations } = error as { violations: Record<string, string>[] };
      expect(violations.length).toBeGreaterThan(0);
      for (const violation of violations) {
        expect(violation).toMatchObject({
          rule: expect.stringMatching(/./),
          clause: expect.stringMatching(/./),
          mend: expect.stringMatching(/./),
          value: expect.stringMatching(/./),
        });
      }
    }
    const after = await authority.searchCertificates(admin, { limit: 1000 });
    expect(after.items.length).toBe(before.items.length);
    const refused = (await chancery.audit('certificate.issue')).at(-1);
    expect(refused).toMatchObject({ outcome: 'refused', principalName: 'admin' });
    expect(refused?.details['violations']).toBeDefined();
  });

  test('what is issued says of itself that it is no CA', async () => {
    const { certificate } = await chancery.issue();
    const constraints = findExtension(
      parseCertificate(certificate).extensions,
      oids.basicConstraints,
    );
    if (constraints !== undefined) expect(parseBasicConstraints(constraints.value).cA).toBe(false);
  });

  test('profiles of CAs, delegates and the HTTPS server can’t be asked for by anyone', async () => {
    for (const profile of ['root-ca', 'issuing-ca', 'ocsp-signing', 'https-server']) {
      const csr = csrFor(freshKey(), 'door.example.test');
      expect(await refusal(ask(csr, profile)), profile).toBe('forbidden');
    }
    expect(await refusal(ask(csrFor(freshKey(), 'x.example.test'), 'none'))).toBe('notFound');
  });

  test('hostile text in subject and names comes out as it went in, or is refused (T-TPL-1)', async () => {
    for (const text of ['"},{"a":"b', '{{.Token}}', "x';--", 'a\u2028b', '=cmd', '\\,CN=root']) {
      const key = freshKey();
      const san = encodeSubjectAltName([{ type: 'rfc822Name', value: 'a@example.test' }], false);
      const subject = `CN=${text.replaceAll(/([\\,"+<>;=#])/g, '\\$1')}`;
      const csr = makeRequest(key, subject, [san]);
      const asked = await ask(csr.der, 'email-signing').catch((error: unknown) => error);
      if (asked instanceof Error) {
        expect(asked).toMatchObject({ code: 'policyViolation' });
        continue;
      }
      const issued = parseCertificate((asked as { certificate: Uint8Array }).certificate);
      expect(issued.subject.rdns.flat().map(({ value }) => value)).toEqual([text]);
    }
  });
});

describe('keys', () => {
  test('a key certified for another subject is refused; the same subject may have more', async () => {
    const key = freshKey();
    await ask(csrFor(key, 'one.example.test'));
    await ask(csrFor(key, 'one.example.test'));
    expect(await refusal(ask(csrFor(key, 'two.example.test')))).toBe('badPublicKey');
  });

  test('the same name is the same subject, whether it stands in CN or in subjectAltName', async () => {
    const key = freshKey();
    const san = encodeSubjectAltName([{ type: 'dNSName', value: 'cn.example.test' }], false);
    await ask(makeRequest(key, '', [san]).der);
    const { record } = await ask(makeRequest(key, 'CN=cn.example.test').der);
    expect(record.names).toEqual(['DNS:cn.example.test']);
  });

  test('an issuer’s key is certified for no subscriber and no responder', async () => {
    await authority.createIssuer(admin, {
      name: 'elsewhere',
      kind: 'external',
      keyAlgorithm: 'p256',
    });
    // The CSR of an external subordinate proves possession for whoever has a copy.
    const csr = await authority.issuerRequest(admin, 'elsewhere');
    expect(await refusal(ask(csr))).toBe('badPublicKey');
    const enrol = authority.enrolResponder(principal('responder'), { issuer: 'issuing', csr });
    expect(await refusal(enrol)).toBe('badPublicKey');
  });

  test('keys on the installation’s list are refused', async () => {
    const key = freshKey();
    const spki = createHash('sha256').update(key.subjectPublicKeyInfo.der).digest('hex');
    const node = await chancery.node('listed', {
      dependencies: {
        keyPolicy: {
          ...defaultKeyPolicy,
          blocklist: { spkiSha256: new Set([spki]), modulusSha1Tail: new Set() },
        },
      },
    });
    const csr = csrFor(key, 'listed.example.test');
    const asked = node.authority.issueCertificate(admin, { profile: 'tls-server', csr });
    expect(await refusal(asked)).toBe('badPublicKey');
  });

  test('a key-agreement key signs its own request, and the record says so', async () => {
    const san = encodeSubjectAltName([{ type: 'rfc822Name', value: 'kari@example.test' }], false);
    const csr = makeRequest(freshKey(), 'CN=Kari', [san]).der;
    const { record } = await ask(csr, 'email-encryption');
    expect(record.requested['proofByKeyEstablishmentKey']).toContain('SP 800-57');
    const { record: signing } = await chancery.issue();
    expect(signing.requested['proofByKeyEstablishmentKey']).toBeUndefined();
    expect(signing.requested['proofOfPossession']).toContain('RFC 2986');
  });
});

describe('serial numbers', () => {
  test('T-SER-1: 128 bits of the token’s generator in the encoded number, over 2,000 of them', async () => {
    const [row] = await chancery.sql('SELECT serial_prefix FROM installation');
    const prefix = String(row?.['serial_prefix']);
    const random = { bytes: async (length: number) => chancery.tokens.issuing.random(length) };
    const ones = new Uint32Array(128);
    const seen = new Set<string>();
    for (let n = 0; n < 2000; n += 1) {
      const serialNumber = await drawSerialNumber(prefix, random);
      seen.add(serialNumber);
      const encoded = integer(BigInt(`0x${serialNumber}`));
      // INTEGER, 18 octets: positive without a padding octet, which would cost a bit.
      expect(Buffer.from(encoded.subarray(0, 2)).toString('hex')).toBe('0212');
      expect(encoded.length).toBe(20);
      for (let bit = 0; bit < 128; bit += 1) {
        ones[bit] = (ones[bit] ?? 0) + (((encoded[4 + (bit >> 3)] ?? 0) >> (bit & 7)) & 1);
      }
    }
    expect(seen.size).toBe(2000);
    // Each bit is drawn: 6 standard deviations around a half.
    for (const count of ones) expect(Math.abs(count - 1000)).toBeLessThan(134);
  });

  test('every certificate has the installation’s prefix and its full length', async () => {
    const [row] = await chancery.sql('SELECT serial_prefix FROM installation');
    const { items } = await authority.searchCertificates(admin, { limit: 1000 });
    for (const { serialNumber } of items) {
      expect(serialNumber.padStart(36, '0')).toMatch(
        new RegExp(`^${String(row?.['serial_prefix'])}`),
      );
    }
  });

  test('a conflict is retried before the signature, and the retry is what is signed', async () => {
    const taken = (await chancery.issue()).record.serialNumber;
    let draws = 0;
    let signatures = 0;
    const node = await chancery.node('conflict', {
      dependencies: {
        random: {
          bytes: async (length) => {
            draws += 1;
            return draws <= 2
              ? Buffer.from(taken.slice(-32), 'hex')
              : chancery.tokens.issuing.random(length);
          },
        },
      },
    });
    node.beforeSign = async () => {
      signatures += 1;
    };
    const { record, certificate } = await node.authority.issueCertificate(admin, {
      profile: 'tls-server',
      csr: csrFor(freshKey(), 'conflict.example.test'),
      idempotencyKey: 'with-conflict',
    });
    expect(draws).toBe(3);
    expect(signatures).toBe(1);
    expect(record.serialNumber).not.toBe(taken);
    expect(parseCertificate(certificate).serialNumber).toBe(record.serialNumber);
  });

  test('a generator that repeats itself ends in a refusal, without any signature', async () => {
    const taken = (await chancery.issue()).record.serialNumber;
    const node = await chancery.node('stuck', {
      dependencies: { random: { bytes: async () => Buffer.from(taken.slice(-32), 'hex') } },
    });
    node.beforeSign = async () => {
      throw new Error('signed');
    };
    const asked = node.authority.issueCertificate(admin, {
      profile: 'tls-server',
      csr: csrFor(freshKey(), 'stuck.example.test'),
    });
    expect(await refusal(asked)).toBe('alreadyExists');
  });
});

describe('T-ISS-3: what was prepared is what is signed, whatever happens to its profile meanwhile', () => {
  test.each<FailpointName>([
    'issue.1-before-intent',
    'issue.2-after-intent',
    'issue.3-after-signature',
  ])('another profile of the same name comes at %s', async (step) => {
    const profiles = new Map(productProfiles());
    const original = profiles.get('tls-server');
    if (original === undefined) throw new Error('no profile');
    const text = readFileSync(
      new URL('../../../profiles/tls-server.yaml', import.meta.url),
      'utf8',
    );
    const changed = parseProfile(text.replace('default: 90d', 'default: 30d'), 'changed');
    expect(changed.hash).not.toBe(original.hash);
    const node = await chancery.node(`profile-${step}`, { dependencies: { profiles } });
    node.at[step] = () => profiles.set('tls-server', changed);
    const issue = async () =>
      node.authority.issueCertificate(admin, {
        profile: 'tls-server',
        csr: csrFor(freshKey(), 'pinned.example.test'),
      });
    const { record, certificate } = await issue();
    expect(record.profileHash).toBe(original.hash);
    const parsed = parseCertificate(certificate);
    expect(Buffer.from(parsed.tbsDer).equals(record.tbsCertificate)).toBe(true);
    const days =
      (parsed.validity.notAfter.getTime() - parsed.validity.notBefore.getTime()) / 86_400_000;
    expect(Math.round(days)).toBe(90);
    expect((await chancery.find(record))?.profileHash).toBe(original.hash);
    expect((await issue()).record.profileHash).toBe(changed.hash);
  });
});

describe('T-HSM-11 a process that ends at a step', () => {
  test.each<[FailpointName, string]>([
    ['issue.1-before-intent', 'nothing'],
    ['issue.2-after-intent', 'abandoned'],
    ['issue.3-after-signature', 'abandoned'],
    ['issue.4-after-commit', 'issued'],
  ])('%s leaves %s', async (step, left) => {
    const dns = `${step.replaceAll('.', '-')}.example.test`;
    const node = await chancery.node(step);
    node.at[step] = () => {
      throw new Error('killed');
    };
    const csr = csrFor(freshKey(), dns);
    await refusal(node.authority.issueCertificate(admin, { profile: 'tls-server', csr }));
    clock.advance(60);
    await authority.tick();
    const [row] = (await authority.searchCertificates(admin, { name: dns, limit: 5 })).items;
    expect(row?.issuanceState ?? 'nothing').toBe(left);
    if (row === undefined) return;
    expect((await chancery.listed(row)) !== undefined).toBe(left === 'abandoned');
    expect((await chancery.ocsp(row))?.status).toBe(left === 'abandoned' ? 'revoked' : 'good');
  });
});

describe('an issuer that is not good itself', () => {
  test('issues nothing while its certificate is on hold, nor after revocation, on any node', async () => {
    const other = await chancery.node('other');
    await authority.createIssuer(admin, {
      name: 'doomed',
      kind: 'subordinate',
      parent: 'root',
      keyAlgorithm: 'p256',
    });
    const below = await authority.createIssuer(admin, {
      name: 'below',
      kind: 'subordinate',
      parent: 'doomed',
      keyAlgorithm: 'p256',
    });
    const [own] = (await authority.searchCertificates(admin, { subject: 'CN=doomed', limit: 5 }))
      .items;
    if (own === undefined) throw new Error('not in the inventory');
    expect(own.type).toBe('ca');
    const ref = { serialNumber: own.serialNumber };
    const issue = async (node = chancery as typeof other, issuer = 'doomed') =>
      node.authority.issueCertificate(admin, {
        profile: 'tls-server',
        csr: csrFor(freshKey(), 'd.example.test'),
        issuer,
      });
    await issue();
    await issue(other, 'below');
    await authority.holdCertificate(admin, ref);
    expect(await refusal(issue())).toBe('certificateOnHold');
    clock.advance(2);
    expect(await refusal(issue(other))).toBe('certificateOnHold');
    // T-OCSP-CANARY's ground: the answer about a CA certificate is the inventory's.
    expect((await chancery.ocsp(own))?.status).toBe('onHold');
    expect((await chancery.listed(own))?.reasonCode).toBe('certificateHold');
    await authority.releaseCertificate(admin, ref);
    await issue();
    expect((await chancery.ocsp(own))?.status).toBe('good');
    expect(await chancery.listed(own)).toBeUndefined();
    await authority.revokeCertificate(admin, { ...ref, reasonCode: 'cACompromise' });
    clock.advance(2);
    expect(await refusal(issue())).toBe('certificateRevoked');
    expect(await refusal(issue(other, 'below'))).toBe('certificateRevoked');
    const create = authority.createIssuer(admin, {
      name: 'later',
      kind: 'subordinate',
      parent: 'doomed',
      keyAlgorithm: 'p256',
    });
    expect(await refusal(create)).toBe('certificateRevoked');
    // Relying parties must still be able to learn of it.
    expect((await authority.publishCrl(admin, 'doomed'))[0]?.entries).toBe(0);
    expect((await authority.publishCrl(admin, below.issuerId))[0]?.entries).toBe(0);
    await authority.enrolResponder(principal('responder'), {
      issuer: 'doomed',
      csr: makeRequest(freshKey(), '').der,
    });
    await chancery.issue();
  });
});
