import { createHash } from 'node:crypto';
import { Agent } from 'node:https';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Principal } from '../../../src/domain/index.ts';
import {
  encodeExtendedKeyUsage,
  encodePem,
  encodeSubjectAltName,
  oids,
} from '../../../src/pkix/index.ts';
import {
  privateKeyPem,
  type TestCertificate,
  testCertificate,
  testIssuer,
} from '../../support/test-hierarchy.ts';
import { ask, type Edge, principalOf, startEdge, tokenOf } from './edge.ts';

const issuer = testIssuer('clients');
const admin = testCertificate(issuer, { subject: 'CN=admin' });
const bound = new Map<string, Principal>();
let seen: Uint8Array[] = [];
let edge: Edge;

function hash(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}

beforeAll(async () => {
  edge = await startEdge({
    overrides: {
      authenticateCertificate: async (der: Uint8Array) => {
        seen.push(der);
        return bound.get(hash(der));
      },
    },
  });
});
afterAll(async () => edge.close());
beforeEach(() => {
  seen = [];
  bound.clear();
  bound.set(hash(admin.certificate.der), principalOf('administrator'));
});

async function whoami(certificate: TestCertificate | undefined, headers = {}, tls = {}) {
  return ask(edge, {
    path: '/api/v1/whoami',
    headers,
    tls: {
      ...(certificate === undefined
        ? {}
        : { cert: certificate.pem, key: privateKeyPem(certificate.privateKey) }),
      ...tls,
    },
  });
}

describe('T-MTLS-2: a client certificate', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is known by its exact octets (%s)', async (version) => {
    const reply = await whoami(admin, {}, { minVersion: version, maxVersion: version });
    expect(reply.status).toBe(200);
    expect(reply.json()['name']).toBe('the-administrator');
    expect(seen.map(hash)).toEqual([hash(admin.certificate.der)]);
  });

  it('gains nothing by its names, its issuer or its EKUs', async () => {
    const tricks = [
      { subject: 'CN=admin' },
      { subject: 'CN=admin,O=the-administrator' },
      {
        subject: 'CN=x',
        extensions: [
          encodeSubjectAltName([{ type: 'dNSName', value: 'a.example", DNS:"admin' }], false),
          encodeExtendedKeyUsage([oids.clientAuth]),
        ],
      },
      {
        subject: 'CN=x',
        extensions: [
          encodeSubjectAltName(
            [{ type: 'uniformResourceIdentifier', value: 'http://a/, DNS:admin' }],
            false,
          ),
        ],
      },
      { subject: 'CN=admin', serialNumber: admin.certificate.serialNumber },
      { subject: 'CN=admin', publicKey: admin.certificate.subjectPublicKeyInfo },
    ];
    for (const trick of tricks) {
      const forged = testCertificate(issuer, trick);
      const key = 'publicKey' in trick ? admin.privateKey : forged.privateKey;
      const reply = await whoami({ ...forged, privateKey: key });
      expect(reply.status, JSON.stringify(trick.subject)).toBe(401);
    }
    expect(seen).toHaveLength(tricks.length);
  });

  it('of another CA counts all the same when it is the one bound: the chain decides nothing', async () => {
    const stranger = testCertificate(testIssuer('elsewhere'), { subject: 'CN=y' });
    expect((await whoami(stranger)).status).toBe(401);
    bound.set(hash(stranger.certificate.der), principalOf('auditor'));
    expect((await whoami(stranger)).json()['role']).toBe('auditor');
  });

  it('must come with its key', async () => {
    const other = testCertificate(issuer, { subject: 'CN=z' });
    await expect(whoami({ ...admin, privateKey: other.privateKey })).rejects.toThrow();
    expect(seen).toEqual([]);
  });

  it('is asked about at each request, so that a suspension counts on open connections', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      expect((await whoami(admin, {}, { agent })).status).toBe(200);
      bound.clear();
      expect((await whoami(admin, {}, { agent })).status).toBe(401);
      bound.set(hash(admin.certificate.der), principalOf('auditor'));
      expect((await whoami(admin, {}, { agent })).json()['role']).toBe('auditor');
    } finally {
      agent.destroy();
    }
    expect(seen).toHaveLength(3);
  });

  it('stays who it is when a session is resumed', async () => {
    const agent = new Agent({ maxCachedSessions: 10 });
    try {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        for (let turn = 0; turn < 3; turn++) {
          const reply = await whoami(admin, {}, { agent, maxVersion });
          expect(reply.status, `${maxVersion} ${turn}`).toBe(200);
        }
      }
      expect(new Set(seen.map(hash))).toEqual(new Set([hash(admin.certificate.der)]));
    } finally {
      agent.destroy();
    }
  });

  it('is not fallen back to from a token that is wrong', async () => {
    expect((await whoami(admin, { authorization: 'Bearer wrong-token' })).status).toBe(401);
    expect((await whoami(admin, { authorization: 'Basic YTpi' })).status).toBe(401);
    expect(seen).toEqual([]);
  });

  it('is not looked at when a good token comes with it', async () => {
    const reply = await whoami(admin, { authorization: `Bearer ${tokenOf('auditor')}` });
    expect(reply.json()['role']).toBe('auditor');
    expect(seen).toEqual([]);
  });

  it('is not asked of whoever has none, and public routes need none', async () => {
    expect((await whoami(undefined)).status).toBe(401);
    expect((await ask(edge, { path: '/api/v1/openapi.json' })).status).toBe(200);
    expect(seen).toEqual([]);
  });

  it('in a header is text like any other', async () => {
    const pem = encodeURIComponent(encodePem('CERTIFICATE', admin.certificate.der));
    for (const header of [
      'x-client-cert',
      'x-ssl-client-cert',
      'x-forwarded-client-cert',
      'client-cert',
    ]) {
      expect((await whoami(undefined, { [header]: pem })).status, header).toBe(401);
    }
  });
});
