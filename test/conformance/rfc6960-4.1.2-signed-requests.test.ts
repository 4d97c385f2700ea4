/** RFC 6960 §4.1.2, §2.3: responders that answer signed requests only (O15 where nothing is required). */
import { describe, expect, it } from 'vitest';
import { readRequesters } from '../../ocsp/requesters.ts';
import { bitString, explicit, sequence } from '../../src/der/index.ts';
import {
  type CertID,
  type Certificate,
  encodeGeneralName,
  encodeKeyUsage,
  type Name,
  nonceExtension,
  parseOcspResponse,
  signatureAlgorithms,
} from '../../src/pkix/index.ts';
import { runTool } from '../support/ocsp-judges.ts';
import { until } from '../support/quickstart-run.ts';
import { softwareSignature } from '../support/software-token.ts';
import {
  privateKeyPem,
  type TestCertificate,
  testCertificate,
  testIssuer,
} from '../support/test-hierarchy.ts';
import {
  certIDOf,
  exchange,
  issuerPem,
  post,
  requestFor,
  startTestResponder,
  statusOf,
} from '../support/test-responder.ts';

const alone = testCertificate(testIssuer('Nobody in particular'), { subject: 'CN=alone' });
const requesters = testIssuer('Requesters');
const department = testIssuer('Department', { parent: requesters });
const ours = testIssuer('Ours');
const made = await startTestResponder({
  others: [ours],
  requesters: [alone.certificate, requesters.certificate, ours.certificate],
});
const { issuing } = made;
const known = certIDOf(issuing, made.issue().certificate.serialNumber);

interface Signing {
  readonly by: TestCertificate;
  readonly name?: Name | null | undefined;
  readonly brings?: readonly Certificate[] | undefined;
  readonly of?: CertID | undefined;
  readonly spoil?: boolean | undefined;
}

/** A request signed as its options say; the right way by default. */
function signedRequest({ by, name, brings, of = known, spoil = false }: Signing): Uint8Array {
  const directory = encodeGeneralName({
    type: 'directoryName',
    name: name ?? by.certificate.subject,
  });
  const tbs = sequence(
    ...(name === null ? [] : [explicit(1, directory)]),
    sequence(sequence(of.der)),
  );
  const algorithm = signatureAlgorithms['ecdsa-with-SHA256'];
  const signature = softwareSignature(algorithm, by.privateKey, spoil ? tbs.subarray(1) : tbs);
  const certificates = brings ?? [by.certificate];
  return sequence(
    tbs,
    explicit(
      0,
      sequence(
        algorithm.identifier.der,
        bitString(signature),
        ...(certificates.length === 0
          ? []
          : [explicit(0, sequence(...certificates.map(({ der }) => der)))]),
      ),
    ),
  );
}

async function verdict(request: Uint8Array): Promise<string> {
  return statusOf(parseOcspResponse((await post(made.port, request)).body));
}

const member = testCertificate(requesters, { subject: 'CN=member' });
const clerk = testCertificate(department, { subject: 'CN=clerk' });

describe('who is answered', () => {
  it('a requester in the allow list, whether the request brings its certificate or not', async () => {
    expect(await verdict(signedRequest({ by: alone }))).toBe('good');
    expect(await verdict(signedRequest({ by: alone, brings: [] }))).toBe('good');
  });

  it('one whose certificate a CA in the allow list issued, directly or through another', async () => {
    expect(await verdict(signedRequest({ by: member }))).toBe('good');
    const brings = [department.certificate, clerk.certificate];
    expect(await verdict(signedRequest({ by: clerk, brings }))).toBe('good');
  });

  it('openssl as a requester, by POST, with a nonce', async () => {
    const { output } = await runTool(
      'openssl',
      'ocsp',
      ...['-issuer', made.file('issuing.pem', issuerPem(issuing))],
      ...['-serial', `0x${known.serialNumber}`, '-url', made.url, '-resp_text'],
      ...['-CAfile', made.file('root.pem', issuerPem(made.root))],
      ...['-signer', made.file('member.pem', member.pem)],
      ...['-signkey', made.file('member.key', privateKeyPem(member.privateKey))],
    );
    expect(output).toContain('Response verify OK');
    expect(output).toMatch(/: good/);
  });
});

describe('who is not', () => {
  it('the unsigned: sigRequired, also when the answer is in memory', async () => {
    await verdict(signedRequest({ by: alone }));
    const base64 = Buffer.from(requestFor([known])).toString('base64');
    const got = await exchange(made.port, { target: `/${encodeURIComponent(base64)}` });
    for (const { body, headers } of [got, await post(made.port, requestFor([known]))]) {
      expect(body.toString('hex')).toBe('30030a0105');
      expect(headers['cache-control']).toBe('no-cache, no-store');
    }
    const nonce = requestFor([known], undefined, [nonceExtension(Buffer.alloc(8))]);
    expect(await verdict(nonce)).toBe('sigRequired');
  });

  const stranger = testCertificate(testIssuer('Strangers'), { subject: 'CN=stranger' });
  const past = new Date(Date.now() - 60_000);
  const expired = testCertificate(requesters, { subject: 'CN=late', notAfter: past });
  const encipherer = testCertificate(requesters, {
    subject: 'CN=encipherer',
    extensions: [encodeKeyUsage(['keyEncipherment'])],
  });
  const below = testCertificate(
    {
      ...requesters,
      ...member,
      issuerId: '',
      name: '',
      parent: undefined,
      algorithm: signatureAlgorithms['ecdsa-with-SHA256'],
    },
    { subject: 'CN=below an end entity' },
  );
  const unauthorized: readonly [string, Signing][] = [
    ['a stranger', { by: stranger }],
    [
      'a stranger with the certificate of another',
      { by: stranger, name: member.certificate.subject, brings: [member.certificate] },
    ],
    ['a signature over something else', { by: member, spoil: true }],
    ['a certificate that has expired', { by: expired }],
    ['a key that may not sign', { by: encipherer }],
    [
      'a certificate below an end entity',
      { by: below, brings: [below.certificate, member.certificate] },
    ],
    ['another name than the signer has', { by: member, name: stranger.certificate.subject }],
    ['no name at all (§4.1.2)', { by: member, name: null }],
    ['no certificate, and none in the allow list', { by: member, brings: [] }],
    ['an intermediate that is missing', { by: clerk }],
  ];
  it.each(unauthorized)('%s: unauthorized', async (_case, signing) => {
    expect(await verdict(signedRequest(signing))).toBe('unauthorized');
  });

  it('more than 8 certificates, or one that is none: malformedRequest', async () => {
    const many = Array.from({ length: 9 }, () => member.certificate);
    expect(await verdict(signedRequest({ by: member, brings: many }))).toBe('malformedRequest');
    const odd = [{ ...member.certificate, der: sequence() }];
    expect(await verdict(signedRequest({ by: member, brings: odd }))).toBe('malformedRequest');
  });

  it('one whose certificate is of an issuer served here, and is not good any more', async () => {
    const employee = made.issue('CN=employee', ours);
    const request = signedRequest({ by: employee });
    expect(await verdict(request)).toBe('good');
    made.status.change(ours, employee.certificate.serialNumber, {
      status: 'onHold',
      notGoodSince: new Date(),
    });
    await until('the hold', async () => (await verdict(request)) === 'unauthorized', 2000);
    const unissued = testCertificate(ours, { subject: 'CN=never' });
    expect(await verdict(signedRequest({ by: unissued }))).toBe('unauthorized');
  });
});

describe('answers to signed requests', () => {
  it('are stored by no cache on the way, whatever the condition', async () => {
    const target = `/${encodeURIComponent(Buffer.from(signedRequest({ by: member })).toString('base64'))}`;
    for (const headers of [{}, { 'If-None-Match': '*' }]) {
      const answer = await exchange(made.port, { target, headers });
      expect(answer.status).toBe(200);
      expect(answer.headers['cache-control']).toBe('no-cache, no-store');
      expect(answer.headers['etag']).toBeUndefined();
    }
  });

  it('are signed once for all who may have them', async () => {
    await verdict(signedRequest({ by: member }));
    const before = made.token.signatures;
    expect(await verdict(signedRequest({ by: alone }))).toBe('good');
    expect(made.token.signatures).toBe(before);
  });
});

describe('the allow list', () => {
  it('is read from files of one or more certificates, and says which one is no good', async () => {
    const both = made.file('both.pem', alone.pem + issuerPem(requesters));
    expect(await readRequesters([both])).toHaveLength(2);
    const none = made.file('none.pem', 'nothing');
    await expect(readRequesters([both, none])).rejects.toThrow(/none\.pem/);
    await expect(readRequesters(['/nowhere.pem'])).rejects.toThrow(/nowhere\.pem/);
  });
});
