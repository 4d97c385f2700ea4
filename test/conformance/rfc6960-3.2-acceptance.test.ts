/** RFC 6960 §3.2: what a client must find before it accepts an answer, with answers made by openssl (T-RP-1, I16). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { verifyAnswer } from '../../scripts/command/ocsp/answer.ts';
import { type Question, questionAbout } from '../../scripts/command/ocsp/question.ts';
import {
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodePem,
  oids,
  parseOcspResponse,
} from '../../src/pkix/index.ts';
import { type OpensslAnswerOptions, opensslAnswer } from '../support/openssl-responder.ts';
import { delegateExtensions, testCertificate, testIssuer } from '../support/test-hierarchy.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-acceptance-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const issuer = testIssuer('Acceptance');
const sibling = testIssuer('Sibling');
const server = testCertificate(issuer, { subject: 'CN=server' });
const other = testCertificate(issuer, { subject: 'CN=other' });
const delegate = testCertificate(issuer, { subject: 'CN=d', extensions: delegateExtensions });
const question = await questionAbout(server.certificate, issuer.certificate);
const issuerItself = {
  pem: encodePem('CERTIFICATE', issuer.certificate.der),
  privateKey: issuer.privateKey,
};

/** An answer to `asked`, good about the server, signed by the delegate, unless the change says otherwise. */
function answer(change: Partial<OpensslAnswerOptions> = {}, asked: Question = question): Buffer {
  return opensslAnswer(folder, {
    issuer,
    request: asked.der,
    signer: delegate,
    index: [{ serialNumber: server.certificate.serialNumber }],
    ...change,
  });
}

const judge = (der: Uint8Array, asked = question) => verifyAnswer(der, asked, new Date());

test('an answer signed by the issuer itself or by its delegate is accepted', () => {
  expect(judge(answer()).certStatus).toEqual({ type: 'good' });
  expect(judge(answer({ signer: issuerItself })).certStatus).toEqual({ type: 'good' });
  const revoked = answer({
    index: [
      { serialNumber: server.certificate.serialNumber, revoked: '260101000000Z,keyCompromise' },
    ],
  });
  expect(judge(revoked).certStatus).toEqual({
    type: 'revoked',
    reasonCode: 'keyCompromise',
    revocationTime: new Date('2026-01-01T00:00:00Z'),
  });
  expect(judge(answer({ index: [] })).certStatus).toEqual({ type: 'unknown' });
});

test('an answer about another serial number or of another issuer is refused', async () => {
  const about = await questionAbout(other.certificate, issuer.certificate);
  const index = [{ serialNumber: other.certificate.serialNumber }];
  expect(() => judge(answer({ index }, about))).toThrow('another certificate');
  const twin = testCertificate(sibling, {
    subject: 'CN=server',
    serialNumber: server.certificate.serialNumber,
  });
  const foreign = await questionAbout(twin.certificate, sibling.certificate);
  const theirs = testCertificate(sibling, { subject: 'CN=d', extensions: delegateExtensions });
  expect(() => judge(answer({ issuer: sibling, signer: theirs }, foreign))).toThrow(
    'may not answer for the issuer',
  );
});

const noPurpose = [encodeKeyUsage(['digitalSignature']), encodeExtendedKeyUsage([oids.serverAuth])];
test.each([
  [
    'an end entity without OCSPSigning',
    testCertificate(issuer, { subject: 'CN=d', extensions: noPurpose }),
  ],
  [
    'a delegate without nocheck',
    testCertificate(issuer, { subject: 'CN=d', extensions: delegateExtensions.slice(0, 2) }),
  ],
  [
    'a delegate of another CA',
    testCertificate(sibling, { subject: 'CN=d', extensions: delegateExtensions }),
  ],
  [
    'a delegate that has expired',
    testCertificate(issuer, {
      subject: 'CN=d',
      extensions: delegateExtensions,
      notBefore: new Date('2026-01-01T00:00:00Z'),
      notAfter: new Date('2026-01-02T00:00:00Z'),
    }),
  ],
])('an answer signed by %s is refused', (_what, signer) => {
  expect(() => judge(answer({ signer }))).toThrow('may not answer for the issuer');
});

test('an expired answer, one of the future and one without nextUpdate are refused', () => {
  expect(() => judge(answer({ at: '-2d', more: ['-nmin', '60'] }))).toThrow('expired');
  expect(() => judge(answer({ at: '+2h', more: ['-nmin', '60'] }))).toThrow('from the future');
  expect(() => judge(answer({ more: [] }))).toThrow('nextUpdate is missing');
});

test('a wrong signature, an unsigned error and what is no OCSP response are refused', () => {
  const forged = answer();
  const { signature } = parseOcspResponse(forged).basic ?? { signature: new Uint8Array(0) };
  const last = forged.indexOf(signature) + signature.length - 1;
  forged[last] = (forged[last] ?? 0) ^ 1;
  expect(() => judge(forged)).toThrow('signature is wrong');
  expect(() => judge(Buffer.from('30030a0103', 'hex'))).toThrow('tryLater');
  expect(() => judge(Buffer.from('30030a0106', 'hex'))).toThrow('unauthorized');
  expect(() => judge(Buffer.from('<html></html>'))).toThrow("can't be read");
});

test('a nonce that comes back must be the one that was sent; none may come back', async () => {
  const asked = await questionAbout(server.certificate, issuer.certificate, { nonce: true });
  const again = await questionAbout(server.certificate, issuer.certificate, { nonce: true });
  expect(judge(answer({}, asked), asked).certStatus.type).toBe('good');
  expect(() => judge(answer({}, asked), again)).toThrow('nonce');
  expect(() => judge(answer({}, asked), question)).toThrow('nonce');
  expect(judge(answer(), asked).certStatus.type).toBe('good');
});
