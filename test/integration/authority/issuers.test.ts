import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { CreateIssuerRequest } from '../../../src/authority/index.ts';
import {
  encodeName,
  findExtension,
  type Name,
  oids,
  parseBasicConstraints,
  parseCertificate,
  parseCertificationRequest,
  parseExtendedKeyUsage,
} from '../../../src/pkix/index.ts';
import {
  admin,
  csrFor,
  freshKey,
  principal,
  refusal,
  testAuthority,
} from '../../support/authority.ts';
import { sampleCertificate, sampleKey } from '../../support/pki-samples.ts';
import { makeRequest } from '../../support/software-issuer.ts';

const chancery = await testAuthority('issuers');
const { authority, tokens } = chancery;

async function create(request: Partial<CreateIssuerRequest> & { readonly name: string }) {
  return authority.createIssuer(admin, {
    kind: 'subordinate',
    keyAlgorithm: 'p256',
    ...(request.kind === undefined || request.kind === 'subordinate' ? { parent: 'root' } : {}),
    ...request,
  });
}

async function issueUnder(issuer: string, dns: string) {
  return authority.issueCertificate(admin, {
    profile: 'tls-server',
    csr: csrFor(freshKey(), dns),
    issuer,
  });
}

describe('T-HSM-2: an issuer’s key as its token says it is', () => {
  test('made there, sensitive, never extractable, for signing only; read back and recorded', async () => {
    const made = await create({ name: 'attributes' });
    const key = await chancery.read(async ({ keys }) => keys.find('default', made.keyId));
    expect(key).toMatchObject({
      tokenRole: 'issuing',
      origin: 'generated',
      purposes: ['certificate', 'crl'],
      attributes: {
        sensitive: true,
        alwaysSensitive: true,
        extractable: false,
        neverExtractable: true,
        local: true,
        sign: true,
        decrypt: false,
        unwrap: false,
        derive: false,
      },
    });
    const created = (await chancery.audit('issuer.create')).find(
      ({ object, outcome }) => object === 'attributes' && outcome === 'done',
    );
    expect(created?.details['attributes']).toEqual(key?.attributes);
  });

  test('roots live in the root token, others in the issuing token', async () => {
    const root = await create({ name: 'another-root', kind: 'root' });
    expect(await tokens.root.keyIds()).toContain(root.keyId);
    expect(await tokens.issuing.keyIds()).not.toContain(root.keyId);
    const below = await create({ name: 'under-another', parent: 'another-root' });
    expect(await tokens.issuing.keyIds()).toContain(below.keyId);
  });
});

describe('creation', () => {
  test('what its profile refuses leaves no key and no issuer behind, and takes no name', async () => {
    const before = [await tokens.root.keyIds(), await tokens.issuing.keyIds()];
    for (const refused of [
      { days: 20_000 },
      { pathLength: 101 },
      { permitDns: ['under_score.example'] },
      { subject: 'O=no common name' },
      { kind: 'root' as const, parent: undefined, days: 20_000 },
    ]) {
      const created = create({ name: 'refused', ...refused });
      expect(await refusal(created), JSON.stringify(refused)).toBe('policyViolation');
    }
    expect([await tokens.root.keyIds(), await tokens.issuing.keyIds()]).toEqual(before);
    expect(await refusal(authority.showIssuer(admin, 'refused'))).toBe('notFound');
    expect((await create({ name: 'refused' })).state).toBe('active');
  });

  test('one that was cut off after its key goes on with that key; with other wishes it is refused', async () => {
    const node = await chancery.node('cut-off');
    node.beforeSign = async () => {
      throw new Error('killed');
    };
    const wish = { name: 'resumed', kind: 'subordinate', parent: 'root' } as const;
    await refusal(node.authority.createIssuer(admin, { ...wish, keyAlgorithm: 'p256' }));
    const pending = await authority.showIssuer(admin, 'resumed');
    expect(pending.state).toBe('pending');
    for (const other of [
      { ...wish, keyAlgorithm: 'p384' },
      { ...wish, keyAlgorithm: 'p256', parent: 'another-root' },
      { ...wish, keyAlgorithm: 'p256', subject: 'CN=other' },
    ] as const) {
      expect(await refusal(authority.createIssuer(admin, other))).toBe('alreadyExists');
    }
    const made = await authority.createIssuer(admin, { ...wish, keyAlgorithm: 'p256' });
    expect(made).toMatchObject({ state: 'active', issuerId: pending.issuerId });
    expect(await refusal(create({ name: 'resumed' }))).toBe('alreadyExists');
    // A key that was given up meanwhile is certified by nobody, not even by our own parent.
    const lost = { ...wish, name: 'given-up', keyAlgorithm: 'p256' } as const;
    await refusal(node.authority.createIssuer(admin, lost));
    const { keyId } = await authority.showIssuer(admin, 'given-up');
    await authority.markKeyCompromised(admin, { key: keyId, reason: 'seen elsewhere' });
    const signed = await chancery.sql('SELECT count(*) FROM certificates');
    expect(await refusal(authority.createIssuer(admin, lost))).toBe('illegalTransition');
    expect(await chancery.sql('SELECT count(*) FROM certificates')).toEqual(signed);
  });

  test('one that was cut off before its record leaves a key that signs nothing', async () => {
    const node = await chancery.node('cut-off-early');
    node.at['issuer.1-after-key'] = () => {
      throw new Error('killed');
    };
    const wish = { name: 'early', kind: 'root', keyAlgorithm: 'p256' } as const;
    await refusal(node.authority.createIssuer(admin, wish));
    expect(await refusal(authority.showIssuer(admin, 'early'))).toBe('notFound');
    expect((await authority.createIssuer(admin, wish)).state).toBe('active');
  });

  test('contradictions are refused before a key is made', async () => {
    const cases: readonly Partial<CreateIssuerRequest>[] = [
      { kind: 'root', parent: 'root' },
      { kind: 'subordinate', parent: undefined },
      { signature: 'pss' },
      { kind: 'external', parent: undefined, days: 10 },
      { kind: 'external', parent: undefined, permitDns: ['example.test'] },
      { name: '../etc' },
    ];
    const before = await tokens.issuing.keyIds();
    for (const wish of cases) {
      const created = authority.createIssuer(admin, {
        name: 'contradiction',
        kind: 'subordinate',
        parent: 'root',
        keyAlgorithm: 'p256',
        ...wish,
      });
      expect(await refusal(created), JSON.stringify(wish)).toBe('invalidArgument');
    }
    expect(await tokens.issuing.keyIds()).toEqual(before);
  });

  test('T-OCSP-RC: no CA certificate has OCSPSigning or any other extended key usage of a responder', async () => {
    for (const { certificate } of await authority.listIssuers(admin)) {
      if (certificate === undefined) continue;
      const usage = findExtension(parseCertificate(certificate).extensions, oids.extendedKeyUsage);
      const purposes = usage === undefined ? [] : parseExtendedKeyUsage(usage.value);
      expect(purposes).not.toContain(oids.ocspSigning);
      expect(purposes).not.toContain('2.5.29.37.0');
    }
  });
});

describe('what stands above bounds what is below', () => {
  test('name constraints of every certificate of the chain, permitted and excluded', async () => {
    await create({ name: 'wide', permitDns: ['corp.test'] });
    await create({ name: 'narrow', parent: 'wide', excludeDns: ['secret.corp.test'] });
    const leaf = async (dns: string) => issueUnder('narrow', dns);
    expect((await leaf('www.corp.test')).record.names).toEqual(['DNS:www.corp.test']);
    // Permitted by its own issuer, and not by the one above.
    expect(await refusal(leaf('www.elsewhere.test'))).toBe('policyViolation');
    expect(await refusal(leaf('a.secret.corp.test'))).toBe('policyViolation');
  });

  test('path length', async () => {
    await create({ name: 'last', pathLength: 0 });
    await issueUnder('last', 'ok.example.test');
    expect(await refusal(create({ name: 'too-deep', parent: 'last' }))).toBe('policyViolation');
    await create({ name: 'one-more', pathLength: 1 });
    const below = await create({ name: 'last-of-one', parent: 'one-more' });
    const certificate = parseCertificate(below.certificate ?? new Uint8Array());
    const constraints = findExtension(certificate.extensions, oids.basicConstraints);
    expect(parseBasicConstraints(constraints?.value ?? new Uint8Array())).toEqual({
      cA: true,
      pathLenConstraint: 0,
    });
  });

  test('no certificate outlives its issuer; a default that is cut says so, a wish is refused', async () => {
    const short = await create({ name: 'short', days: 30 });
    const end = parseCertificate(short.certificate ?? new Uint8Array()).validity.notAfter;
    const { record } = await issueUnder('short', 'cut.example.test');
    expect(record.notAfter).toEqual(end);
    expect(JSON.stringify(record.granted)).toContain('issuer');
    const wish = authority.issueCertificate(admin, {
      profile: 'tls-server',
      csr: csrFor(freshKey(), 'wish.example.test'),
      issuer: 'short',
      days: 60,
    });
    expect(await refusal(wish)).toBe('policyViolation');
    const deeper = create({ name: 'longer-below', parent: 'short', days: 60 });
    expect(await refusal(deeper)).toBe('policyViolation');
  });

  test('T-VAL-1: both ends of a validity count', async () => {
    const asked = async (days: number) =>
      authority.issueCertificate(admin, {
        profile: 'tls-server',
        csr: csrFor(freshKey(), 'val.example.test'),
        days,
      });
    const { record } = await asked(398);
    const seconds = (record.notAfter.getTime() - record.notBefore.getTime()) / 1000 + 1;
    expect(seconds).toBe(398 * 86_400);
    expect(await refusal(asked(399))).toBe('policyViolation');
  });
});

describe('the responder’s door', () => {
  const responder = principal('responder', 'ocsp-1');

  test('the delegate is signed directly by the issuer it answers for, the root included', async () => {
    for (const issuer of ['root', 'issuing']) {
      const key = freshKey();
      const csr = makeRequest(key, '').der;
      const enrolled = await authority.enrolResponder(responder, { issuer, csr });
      const delegate = parseCertificate(enrolled.certificate);
      const own = parseCertificate(enrolled.chain[0] ?? new Uint8Array());
      expect(Buffer.from(delegate.issuer.der).equals(own.subject.der)).toBe(true);
      const usage = findExtension(delegate.extensions, oids.extendedKeyUsage);
      expect(parseExtendedKeyUsage(usage?.value ?? new Uint8Array())).toEqual([oids.ocspSigning]);
      expect(findExtension(delegate.extensions, oids.ocspNoCheck)).toBeDefined();
      // One key an issuer.
      const other = issuer === 'root' ? 'issuing' : 'root';
      expect(await refusal(authority.enrolResponder(responder, { issuer: other, csr }))).toBe(
        'badPublicKey',
      );
    }
  });

  test('nobody else passes, an administrator neither', async () => {
    const csr = makeRequest(freshKey(), '').der;
    for (const role of ['administrator', 'operator', 'auditor', 'subscriber'] as const) {
      const enrol = authority.enrolResponder(principal(role), { issuer: 'issuing', csr });
      expect(await refusal(enrol), role).toBe('forbidden');
    }
  });

  test('another responder’s key and a subscriber’s key are refused, and so is a pending issuer', async () => {
    const key = freshKey();
    await authority.issueCertificate(admin, {
      profile: 'tls-server',
      csr: csrFor(key, 'sub.example.test'),
    });
    const enrol = async (who: typeof responder, csr: Uint8Array, issuer = 'issuing') =>
      authority.enrolResponder(who, { issuer, csr });
    expect(await refusal(enrol(responder, makeRequest(key, '').der))).toBe('badPublicKey');
    const mine = makeRequest(freshKey(), '').der;
    await enrol(responder, mine);
    expect(await refusal(enrol(principal('responder', 'ocsp-2'), mine))).toBe('badPublicKey');
    await create({ name: 'still-pending', kind: 'external' });
    const early = enrol(responder, makeRequest(freshKey(), '').der, 'still-pending');
    expect(await refusal(early)).toBe('illegalTransition');
  });
});

describe('T-DN-1: a parent elsewhere decides how a name is written', () => {
  const tags = { UTF8String: 0x0c, PrintableString: 0x13, TeletexString: 0x14, BMPString: 0x1e };
  const parentKey = sampleKey('ecdsa-with-SHA256', 7);

  test.each(Object.entries(tags))(
    '%s, to the byte, in certificates, CRL and OCSP',
    async (type, tag) => {
      const name = (cn: string, as: number): Name =>
        encodeName([
          [{ oid: oids.organizationName, tag: tags.UTF8String, value: 'Foreign' }],
          [{ oid: oids.commonName, tag: as, value: cn }],
        ]);
      const parent = sampleCertificate({
        key: parentKey,
        subject: name(`Parent ${type}`, tag),
        ca: true,
      });
      const pending = await create({
        name: type,
        kind: 'external',
        subject: `CN=Sub ${type},O=Foreign`,
      });
      expect(await refusal(issueUnder(type, 'a.example.test'))).toBe('illegalTransition');
      const request = parseCertificationRequest(await authority.issuerRequest(admin, type));
      const own = sampleCertificate({
        key: { ...parentKey, spki: request.subjectPublicKeyInfo },
        subject: name(`Sub ${type}`, tag),
        issuer: { certificate: parent, key: parentKey },
        ca: true,
      });
      const installed = await authority.installIssuer(admin, type, [own.der, parent.der]);
      expect(installed.state).toBe('active');

      const leaf = parseCertificate((await issueUnder(type, 'a.example.test')).certificate);
      expect(Buffer.from(leaf.issuer.der).equals(own.subject.der)).toBe(true);
      await authority.publishCrl(admin, type);
      const list = chancery.crl(pending.issuerId);
      expect(Buffer.from(list.issuer.der).equals(own.subject.der)).toBe(true);
      const served = (await chancery.status.source.issuers()).find(
        ({ issuerId }) => issuerId === pending.issuerId,
      );
      for (const digest of ['sha1', 'sha256'] as const) {
        expect(served?.nameHashes[digest]).toBe(
          createHash(digest).update(own.subject.der).digest('hex'),
        );
      }
      // Served to anyone by its id, which is the key's and stays.
      const file = await authority.publishedFile(`ca/${pending.issuerId}.cer`);
      const content: Uint8Array[] = [];
      for await (const chunk of file?.chunks() ?? []) content.push(chunk);
      expect(Buffer.concat(content).equals(own.der)).toBe(true);
    },
  );

  test('another name, another key, a broken chain are refused, and the issuer stays pending', async () => {
    await create({ name: 'picky', kind: 'external' });
    const request = parseCertificationRequest(await authority.issuerRequest(admin, 'picky'));
    const parent = sampleCertificate({ key: parentKey, subject: 'CN=Parent', ca: true });
    const issuer = { certificate: parent, key: parentKey };
    const key = { ...parentKey, spki: request.subjectPublicKeyInfo };
    const refused = [
      [sampleCertificate({ key, subject: 'CN=other', issuer, ca: true })],
      [
        sampleCertificate({
          key: sampleKey('ecdsa-with-SHA256', 8),
          subject: 'CN=picky',
          issuer,
          ca: true,
        }),
      ],
      [sampleCertificate({ key, subject: 'CN=picky', issuer })],
      [
        sampleCertificate({
          key,
          subject: 'CN=picky',
          issuer,
          ca: true,
          notAfter: new Date('2026-11-01'),
        }),
      ],
      [],
    ];
    for (const [index, chain] of refused.entries()) {
      const install = authority.installIssuer(
        admin,
        'picky',
        [...chain, parent].map(({ der }) => der),
      );
      const code = await refusal(install);
      expect(['policyViolation', 'malformed'], `chain ${index}`).toContain(code);
    }
    expect((await authority.showIssuer(admin, 'picky')).state).toBe('pending');
    const good = sampleCertificate({ key, subject: 'CN=picky', issuer, ca: true });
    await authority.installIssuer(admin, 'picky', [good.der, parent.der]);
    expect(await refusal(authority.installIssuer(admin, 'picky', [good.der, parent.der]))).toBe(
      'illegalTransition',
    );
  });
});
