import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { softwareCertificationRequest } from '../../../src/authority/index.ts';
import { clientCertificate } from '../../../src/http/authentication.ts';
import { listenHttps } from '../../../src/http/listeners.ts';
import { openServerCertificate } from '../../../src/http/server-certificate.ts';
import {
  encodePem,
  parseCertificationRequest,
  verifyCertificationRequest,
} from '../../../src/pkix/index.ts';
import { createLogger } from '../../../src/telemetry/index.ts';
import {
  privateKeyPem,
  type TestCertificate,
  testCertificate,
} from '../../support/test-hierarchy.ts';
import { edgeIssuer, serverChain } from './edge.ts';

const day = 86_400_000;
const start = new Date('2030-01-01T00:00:00Z');
let base: string;
let folder: string;
let count = 0;
let now: Date;
let issued: number;
let failing: boolean;
let logged: string[];

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'chancery-https-'));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));
beforeEach(() => {
  folder = join(base, String(count++));
  now = start;
  issued = 0;
  failing = false;
  logged = [];
});

function open(options: { host?: string; lifeDays?: number } = {}) {
  return openServerCertificate({
    folder,
    host: options.host ?? 'ca.example',
    clock: { now: () => now },
    pollMilliseconds: 5,
    logger: createLogger({
      level: 'info',
      process: 't',
      stream: { write: (line) => logged.push(line) },
    }),
    obtain: async (csrDer) => {
      if (failing) throw new Error('the token is away');
      const csr = parseCertificationRequest(csrDer);
      expect(verifyCertificationRequest(csr)).toMatchObject({ ok: true });
      issued += 1;
      const life = (options.lifeDays ?? 7) * day;
      return serverChain(csrDer, now, new Date(now.getTime() + life - 1000));
    },
  });
}

function file(): string {
  return join(folder, 'server.pem');
}

describe("the HTTPS server's certificate", () => {
  it('names the host, localhost and both loopback addresses, and is kept in one file of mode 0600', async () => {
    const certificate = await open();
    certificate.close();
    const { cert, key } = certificate.current();
    const parsed = new X509Certificate(cert);
    expect(parsed.subjectAltName).toBe(
      'DNS:ca.example, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readFileSync(file(), 'utf8')).toBe(key + cert);
    expect(readdirSync(folder)).toEqual(['server.pem']);
  });

  it('puts a host that is an address among the addresses', async () => {
    const certificate = await open({ host: '192.0.2.7' });
    certificate.close();
    const parsed = new X509Certificate(certificate.current().cert);
    expect(parsed.subjectAltName).toContain('IP Address:192.0.2.7');
    expect(parsed.subjectAltName).not.toContain('DNS:192');
  });

  it('is used again after a restart while it is young', async () => {
    const first = await open();
    first.close();
    now = new Date(start.getTime() + 3 * day);
    const second = await open();
    second.close();
    expect(second.current()).toMatchObject({
      cert: first.current().cert,
      key: first.current().key,
    });
    expect(issued).toBe(1);
  });

  it('renews itself at half of its life with a new key, while it runs', async () => {
    const certificate = await open();
    const { key } = certificate.current();
    const renewals: string[] = [];
    certificate.onRenewal((credential) => renewals.push(credential.key));
    now = new Date(start.getTime() + 3.6 * day);
    await expect.poll(() => renewals.length).toBe(1);
    certificate.close();
    expect(renewals[0]).not.toBe(key);
    expect(certificate.current().key).toBe(renewals[0]);
    expect(readFileSync(file(), 'utf8')).toContain(renewals[0]);
    expect(issued).toBe(2);
  });

  it('serves the old one to its end while renewal fails, and tries on', async () => {
    const certificate = await open();
    failing = true;
    now = new Date(start.getTime() + 4 * day);
    await expect
      .poll(() => logged.some((line) => line.includes('could not be renewed')))
      .toBe(true);
    expect(new X509Certificate(certificate.current().cert).validToDate.getTime()).toBe(
      start.getTime() + 7 * day - 1000,
    );
    failing = false;
    await expect.poll(() => issued).toBe(2);
    certificate.close();
    failing = true;
    now = new Date(start.getTime() + 8 * day);
    const restarted = await open();
    restarted.close();
    expect(restarted.current().key).toBe(certificate.current().key);
  });

  it('does not start with nothing usable and no way to get one', async () => {
    failing = true;
    await expect(open()).rejects.toThrow('the token is away');
  });

  it.each([
    ['expired', () => void (now = new Date(start.getTime() + 7 * day))],
    ['from the future', () => void (now = new Date(start.getTime() - day))],
    ['of another host', () => {}, 'other.example'],
    ['damaged', () => writeFileSync(file(), readFileSync(file(), 'utf8').slice(0, 700))],
    ['empty', () => writeFileSync(file(), '')],
    [
      "with another key's certificate",
      () => {
        const [key] = readFileSync(file(), 'utf8').split('-----BEGIN CERTIFICATE-----');
        const [other] = serverChain(csrOfAnotherKey());
        writeFileSync(file(), key + encodePem('CERTIFICATE', other ?? new Uint8Array()));
      },
    ],
  ])('is made anew when the stored one is %s', async (_, spoil: () => void, host?: string) => {
    (await open()).close();
    spoil();
    const certificate = await open(host === undefined ? {} : { host });
    certificate.close();
    expect(issued).toBe(2);
    const parsed = new X509Certificate(certificate.current().cert);
    expect(parsed.checkHost(host ?? 'ca.example', { subject: 'never' })).toBe(host ?? 'ca.example');
  });

  it('never lives longer than 7 days, whatever the profile gives', async () => {
    await expect(open({ lifeDays: 8 })).rejects.toMatchObject({ code: 'configuration' });
  });

  it('reaches new connections at once when renewed, which are asked for client certificates as before', async () => {
    const certificate = await open({ host: 'localhost' });
    const listener = await listenHttps(
      (incoming, response) => {
        const client = clientCertificate(incoming.socket);
        response.end(client === undefined ? 'nobody' : Buffer.from(client).toString('hex'));
      },
      { addresses: ['127.0.0.1'], port: 0, variable: 'X' },
      { requestTimeoutMilliseconds: 5000 },
      certificate,
    );
    const client = testCertificate(edgeIssuer(), { subject: 'CN=client' });
    try {
      const before = await meet(listener.port, client);
      now = new Date(start.getTime() + 4 * day);
      await expect
        .poll(async () => (await meet(listener.port, client)).server)
        .not.toBe(before.server);
      const after = await meet(listener.port, client);
      expect(after.server).toBe(new X509Certificate(certificate.current().cert).fingerprint256);
      const der = Buffer.from(client.certificate.der).toString('hex');
      expect([before.seen, after.seen]).toEqual([der, der]);
    } finally {
      certificate.close();
      await listener.close(0);
    }
  });
});

/** A CSR that asks for the same names with another key. */
function csrOfAnotherKey(): Uint8Array {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return softwareCertificationRequest(privateKey, {
    dns: ['ca.example', 'localhost'],
    ip: ['127.0.0.1', '::1'],
  });
}

/** Which certificate the server shows, and which one it sees. */
async function meet(
  port: number,
  client: TestCertificate,
): Promise<{ server: string; seen: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        agent: false,
        // The certificates here live in 2030; what is compared is which one is served.
        rejectUnauthorized: false,
        cert: client.pem,
        key: privateKeyPem(client.privateKey),
      },
      (incoming) => {
        const server =
          (incoming.socket as TLSSocket).getPeerX509Certificate()?.fingerprint256 ?? '';
        let seen = '';
        incoming.on('data', (chunk) => {
          seen += String(chunk);
        });
        incoming.once('end', () => resolve({ server, seen }));
      },
    );
    outgoing.once('error', reject);
    outgoing.end();
  });
}
