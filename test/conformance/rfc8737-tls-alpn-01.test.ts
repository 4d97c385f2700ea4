/** RFC 8737: tls-alpn-01 (row A33); addresses as identifiers are RFC 8738's and in its own file. */
import { createHash } from 'node:crypto';
import acme from 'acme-client';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { oid } from '../../src/der/index.ts';
import {
  assembleSigned,
  decodePem,
  type Extension,
  encodePem,
  encodeSubjectAltName,
  type GeneralName,
  oids,
  parseCertificate,
} from '../../src/pkix/index.ts';
import {
  acmeIdentifierExtension,
  type ChallengeCertificate,
  challengeCertificate,
  type TlsIdentity,
} from '../support/challenge-certificate.ts';
import { runCommand, scratchFolder } from '../support/openssl.ts';
import { sampleCertificate, sampleKey, signWith } from '../support/pki-samples.ts';
import { keyAuthorization, problemOf, startValidationTrial } from '../support/validation-trial.ts';

const name = 'www.example.test';
const host: GeneralName = { type: 'dNSName', value: name };
const trial = await startValidationTrial({ hosts: ['127.0.0.1', '::1'] });
const { dns, server } = trial;
const digest = createHash('sha256').update(keyAuthorization).digest();
const scratch = scratchFolder();
afterAll(async () => {
  scratch.remove();
  await trial.close();
});

beforeEach(() => {
  dns.set(name, 'A', ['127.0.0.1']);
  server.removeTls(name);
});

/** Shows a certificate that differs from the right one in this. */
function show(difference: Partial<ChallengeCertificate>): void {
  server.setCertificate(
    name,
    challengeCertificate({ identifier: name, keyAuthorization, ...difference }),
  );
}

function acmeIdentifier(value: Uint8Array, critical = true): Extension {
  return { oid: oids.acmeIdentifier, critical, value };
}

describe('A33 §3: the right certificate', () => {
  it('is accepted over acme-tls/1 with the name as SNI, and the handshake is all', async () => {
    server.answerTls(name, keyAuthorization);
    const outcome = await trial.attempt('tls-alpn-01', name);
    expect(outcome).toEqual({ valid: true, address: '127.0.0.1' });
    expect(server.handshakes.at(-1)?.serverName).toBe(name);
  });

  it('IPv6 comes first', async () => {
    dns.set('both.example.test', 'A', ['127.0.0.1']);
    dns.set('both.example.test', 'AAAA', ['::1']);
    server.answerTls('both.example.test', keyAuthorization);
    const outcome = await trial.attempt('tls-alpn-01', 'both.example.test');
    expect(outcome).toEqual({ valid: true, address: '::1' });
  });

  it('its validity and the case of its name do not matter', async () => {
    show({ notBefore: new Date('2001-01-01'), notAfter: new Date('2001-01-02') });
    expect((await trial.attempt('tls-alpn-01', name)).valid).toBe(true);
    show({ names: [{ type: 'dNSName', value: 'WWW.Example.Test' }] });
    expect((await trial.attempt('tls-alpn-01', name)).valid).toBe(true);
  });

  it('made by the npm package acme-client', async () => {
    const [key, cert] = await acme.crypto.createAlpnCertificate(
      {
        identifier: { type: 'dns', value: name },
        status: 'pending',
        challenges: [],
        url: 'https://ca.example.test/acme/authz/1',
      },
      keyAuthorization,
      await acme.crypto.createPrivateEcdsaKey(),
    );
    server.setCertificate(name, { key: key.toString(), cert: cert.toString() });
    expect(await trial.attempt('tls-alpn-01', name)).toMatchObject({ valid: true });
  });

  it('made by openssl', async () => {
    const key = scratch.file('key.pem', '');
    const made = runCommand('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-subj', '/CN=x'],
      ...['-addext', `subjectAltName=DNS:${name}`],
      ...['-addext', `1.3.6.1.5.5.7.1.31=critical,DER:0420${digest.toString('hex')}`],
      ...['-out', `${key}.cert`],
    ]);
    expect(made.status, made.output).toBe(0);
    const read = (file: string): string => runCommand('cat', [file]).output;
    server.setCertificate(name, { key: read(key), cert: read(`${key}.cert`) });
    expect(await trial.attempt('tls-alpn-01', name)).toMatchObject({ valid: true });
  });
});

describe('A33 §3: certificates that do not answer', () => {
  const other = createHash('sha256').update('another').digest();
  const ca = sampleCertificate({
    key: sampleKey('ecdsa-with-SHA256', 1),
    subject: 'CN=CA',
    ca: true,
  });
  it.each<[string, Partial<ChallengeCertificate>, string]>([
    ['no acmeIdentifier', { extensions: [] }, 'no acmeIdentifier'],
    [
      'acmeIdentifier that is not critical',
      { extensions: [acmeIdentifierExtension(keyAuthorization, false)] },
      'critical',
    ],
    ['another digest', { keyAuthorization: 'another' }, 'digest'],
    ['the digest without its OCTET STRING', { extensions: [acmeIdentifier(digest)] }, 'digest'],
    [
      'octets after the OCTET STRING',
      { extensions: [acmeIdentifier(Buffer.concat([Buffer.of(4, 32), digest, Buffer.of(5, 0)]))] },
      'digest',
    ],
    [
      'a BIT STRING',
      { extensions: [acmeIdentifier(Buffer.concat([Buffer.of(3, 32), digest]))] },
      'digest',
    ],
    [
      'a digest of 31 octets',
      { extensions: [acmeIdentifier(Buffer.concat([Buffer.of(4, 31), digest.subarray(1)]))] },
      'digest',
    ],
    ['the OID of the drafts', { extensions: [draftExtension()] }, 'no acmeIdentifier'],
    ['another digest beside the right key', { extensions: [wrapped(other)] }, 'digest'],
    ['no subjectAltName', { names: [] }, 'no subjectAltName'],
    ['another name', { names: [{ type: 'dNSName', value: 'example.test' }] }, 'dNSName www'],
    ['a wildcard', { names: [{ type: 'dNSName', value: '*.example.test' }] }, 'dNSName www'],
    [
      'a second name',
      {
        names: [
          { type: 'dNSName', value: name },
          { type: 'dNSName', value: 'b.example.test' },
        ],
      },
      'exactly one entry',
    ],
    [
      'a second name of another type',
      {
        names: [
          { type: 'dNSName', value: name },
          { type: 'rfc822Name', value: 'a@example.test' },
        ],
      },
      'exactly one entry',
    ],
    [
      'the name as a URI',
      { names: [{ type: 'uniformResourceIdentifier', value: name }] },
      'dNSName',
    ],
    [
      'the signature of a CA',
      { issuer: { certificate: ca, key: sampleKey('ecdsa-with-SHA256', 1) } },
      'self-signed',
    ],
    [
      'its own name as issuer, another key under it',
      {
        issuer: {
          certificate: sampleCertificate({
            key: sampleKey('ecdsa-with-SHA256', 2),
            subject: 'CN=ACME challenge',
          }),
          key: sampleKey('ecdsa-with-SHA256', 2),
        },
      },
      'self-signed',
    ],
  ])('%s', async (_, difference, words) => {
    show(difference);
    const problem = problemOf(await trial.attempt('tls-alpn-01', name));
    expect(problem).toMatchObject({ type: 'incorrectResponse', retryable: true });
    expect(problem.detail).toContain(words);
    expect(problem.detail).toContain(name);
  });

  it.each([
    ['acmeIdentifier', oids.acmeIdentifier, Uint8Array.of(4, 32, ...digest)],
    ['subjectAltName', oids.subjectAltName, encodeSubjectAltName([host], false).value],
  ])('%s twice is refused, not read once', async (_, id, value) => {
    server.setCertificate(name, withSecond(id, value));
    const problem = problemOf(await trial.attempt('tls-alpn-01', name));
    expect(problem).toMatchObject({ type: 'incorrectResponse' });
    expect(problem.detail).toContain('RFC 5280');
  });
});

describe('A33 §4: the protocol', () => {
  it('a server without ALPN, or with another protocol, does not answer', async () => {
    for (const protocols of [[], ['h2', 'http/1.1']]) {
      const plain = await startValidationTrial({ protocols });
      try {
        plain.dns.set(name, 'A', ['127.0.0.1']);
        plain.server.answerTls(name, keyAuthorization);
        const problem = problemOf(await plain.attempt('tls-alpn-01', name));
        expect(problem).toMatchObject({ type: 'tls', retryable: true });
        expect(problem.detail).toMatch(/acme-tls\/1|no_application_protocol/);
      } finally {
        await plain.close();
      }
    }
  });

  it('TLS 1.2 is enough, TLS 1.1 is not', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.1'] as const) {
      const old = await startValidationTrial({
        tls: { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' },
      });
      try {
        old.dns.set(name, 'A', ['127.0.0.1']);
        old.server.answerTls(name, keyAuthorization);
        const outcome = await old.attempt('tls-alpn-01', name);
        if (version === 'TLSv1.2') expect(outcome.valid).toBe(true);
        else expect(problemOf(outcome)).toMatchObject({ type: 'tls' });
      } finally {
        await old.close();
      }
    }
  });

  it('a server that does not know the name, no TLS at all, and a closed port', async () => {
    const unknown = problemOf(await trial.attempt('tls-alpn-01', name));
    expect(unknown).toMatchObject({ type: 'tls', retryable: true });
    const plain = await trial.attempt('tls-alpn-01', name, { tlsAlpn01Port: server.httpPort });
    expect(problemOf(plain)).toMatchObject({ type: 'tls', retryable: true });
    const closed = problemOf(await trial.attempt('tls-alpn-01', name, { tlsAlpn01Port: 1 }));
    expect(closed).toMatchObject({ type: 'connection', retryable: true });
    expect(closed.detail).toContain('port 1: 127.0.0.1 refused');
  });

  it('a server that never finishes its handshake is cut at the deadline', async () => {
    const mute = await startValidationTrial({ tls: { SNICallback: () => undefined } });
    try {
      mute.dns.set(name, 'A', ['127.0.0.1']);
      const outcome = await mute.attempt('tls-alpn-01', name, { timeoutMilliseconds: 400 });
      expect(problemOf(outcome)).toMatchObject({ type: 'connection', retryable: true });
    } finally {
      await mute.close();
    }
  });
});

/** The right certificate with an extension once more: made under another OID of the same length, then renamed. */
function withSecond(id: string, value: Uint8Array): TlsIdentity {
  const key = sampleKey('ecdsa-with-SHA256', 8737);
  const standIn = id === oids.subjectAltName ? '2.5.29.99' : '1.3.6.1.5.5.7.1.99';
  const made = challengeCertificate({
    identifier: name,
    keyAuthorization,
    extensions: [
      acmeIdentifierExtension(keyAuthorization),
      { oid: standIn, critical: false, value },
    ],
  });
  const [block] = decodePem(made.cert);
  const tbs = Buffer.from(parseCertificate(block?.der ?? new Uint8Array()).tbsDer);
  tbs.set(oid(id), tbs.indexOf(oid(standIn)));
  const der = assembleSigned(tbs, key.algorithm, signWith(key, tbs));
  return { key: made.key, cert: encodePem('CERTIFICATE', der) };
}

/** An OCTET STRING of another digest. */
function wrapped(other: Uint8Array): Extension {
  return acmeIdentifier(Buffer.concat([Buffer.of(4, 32), other]));
}

/** id-pe-acmeIdentifier of the drafts (1.3.6.1.5.5.7.1.30.1) over the right digest. */
function draftExtension(): Extension {
  return { ...acmeIdentifierExtension(keyAuthorization), oid: '1.3.6.1.5.5.7.1.30.1' };
}
