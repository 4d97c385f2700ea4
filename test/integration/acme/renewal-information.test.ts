import { expect, test } from 'vitest';
import type { CertificateRecord } from '../../../src/authority/ports.ts';
import { type Answer, expectProblem, headerOf, json } from '../../support/acme-client.ts';
import { baseUrl, testAcme } from '../../support/acme-node.ts';
import { admin } from '../../support/authority.ts';

const server = await testAcme('acme_renewal');
const { chancery, clock } = server;

interface RenewalInfo {
  readonly suggestedWindow: { readonly start: string; readonly end: string };
  readonly explanationURL?: string;
}

type Row = Pick<CertificateRecord, 'issuerId' | 'serialNumber'>;

/** RFC 9773 §4.1, written down anew. */
function certIdOf({ issuerId, serialNumber }: Row): string {
  const even = serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`;
  const octets = Buffer.from(even, 'hex');
  const content = (octets[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), octets]) : octets;
  return `${Buffer.from(issuerId, 'hex').toString('base64url')}.${content.toString('base64url')}`;
}

async function ask(certId: string): Promise<Answer> {
  const url = `${baseUrl}/acme/default/renewal-info/${certId}`;
  return server.transport()({ method: 'GET', url });
}

/** The window as milliseconds, checked for what RFC 9773 §4.2 says of every one. */
async function windowOf(row: Row): Promise<{ start: number; end: number; explanation?: string }> {
  const answer = await ask(certIdOf(row));
  expect(answer.status, answer.text).toBe(200);
  expect(headerOf(answer, 'content-type')).toBe('application/json');
  expect(Number(headerOf(answer, 'retry-after'))).toBeGreaterThan(0);
  const { suggestedWindow, explanationURL } = json<RenewalInfo>(answer);
  for (const time of Object.values(suggestedWindow)) {
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  }
  const [start, end] = [Date.parse(suggestedWindow.start), Date.parse(suggestedWindow.end)];
  expect(end).toBeGreaterThan(start);
  return { start, end, ...(explanationURL === undefined ? {} : { explanation: explanationURL }) };
}

test('A34, §4.1: the window lies two thirds into the life of any certificate of the CA', async () => {
  const { record } = await chancery.issue({ days: 90 });
  const { start, end } = await windowOf(record);
  const [from, to] = [record.notBefore.getTime(), record.notAfter.getTime()];
  expect(Math.abs(start - (from + ((to - from) * 2) / 3))).toBeLessThanOrEqual(1000);
  expect(end).toBeLessThan(to);
  expect((await ask(certIdOf(record))).text, 'the same at every time').toBe(
    (await ask(certIdOf(record))).text,
  );
});

test('A35, §4.2: a revoked certificate is to be renewed at once', async () => {
  const { record } = await chancery.issue();
  await server.authority.revokeCertificate(admin, {
    serialNumber: record.serialNumber,
    reasonCode: 'keyCompromise',
  });
  const { end } = await windowOf(record);
  expect(end).toBeLessThan(clock.now().getTime());
});

test('a hold changes nothing: whoever renewed would go round it', async () => {
  const { record } = await chancery.issue();
  const before = await windowOf(record);
  await server.authority.holdCertificate(admin, { serialNumber: record.serialNumber });
  expect(await windowOf(record)).toEqual(before);
});

test('§4.1: an incident moves the windows of what it means, spread over its pace, until it is closed', async () => {
  const issued = [];
  for (let index = 0; index < 8; index += 1) issued.push((await chancery.issue()).record);
  const [first] = issued;
  if (first === undefined) throw new Error('unreachable');
  const other = (await chancery.issue({ profile: 'short-lived' })).record;
  const before = await windowOf(first);
  const otherBefore = await windowOf(other);
  clock.advance(3600);
  const incident = await server.acme.openIncident(admin, {
    issuer: 'issuing',
    profile: 'tls-server',
    spreadSeconds: 7200,
    explanationUrl: 'https://status.example.test/42',
  });
  clock.advance(1);
  const later = (await chancery.issue()).record;
  const ends = [];
  for (const record of issued) {
    const { start, end, explanation } = await windowOf(record);
    expect(start).toBe(incident.startsAt.getTime());
    expect(start).toBeLessThan(clock.now().getTime());
    expect(end).toBeLessThanOrEqual(incident.endsAt.getTime());
    expect(explanation).toBe('https://status.example.test/42');
    ends.push(end);
  }
  expect(new Set(ends).size, 'not all at once').toBeGreaterThan(4);
  expect(await windowOf(other), 'another profile').toEqual(otherBefore);
  expect(later.notBefore.getTime(), 'set back').toBeLessThan(incident.startsAt.getTime());
  expect((await windowOf(later)).start, 'issued since').toBeGreaterThan(clock.now().getTime());
  expect(await server.acme.listIncidents(admin)).toMatchObject([
    { incidentId: incident.incidentId, createdBy: 'admin' },
  ]);
  await server.acme.closeIncident(admin, incident.incidentId);
  expect(await windowOf(first)).toEqual(before);
  expect(await server.acme.listIncidents(admin)).toEqual([]);
  await expect(server.acme.closeIncident(admin, incident.incidentId)).rejects.toMatchObject({
    code: 'notFound',
  });
  expect((await chancery.audit('acmeIncident.open')).at(-1)?.details).toMatchObject({
    profile: 'tls-server',
  });
});

test('the incident of another issuer leaves ours alone, and a wrong one is not opened', async () => {
  const { record } = await chancery.issue();
  const before = await windowOf(record);
  clock.advance(60);
  const { incidentId } = await server.acme.openIncident(admin, {
    issuer: 'root',
    spreadSeconds: 3600,
  });
  expect(await windowOf(record)).toEqual(before);
  await server.acme.closeIncident(admin, incidentId);
  for (const [request, code] of [
    [{ issuer: 'none', spreadSeconds: 3600 }, 'notFound'],
    [{ spreadSeconds: 1 }, 'invalidArgument'],
    [{ spreadSeconds: 3600, profile: 'no such' }, 'invalidArgument'],
    [{ spreadSeconds: 3600, profile: 'tls-sever' }, 'notFound'],
    [{ spreadSeconds: 3600, explanationUrl: 'javascript:alert(1)' }, 'invalidArgument'],
  ] as const) {
    await expect(server.acme.openIncident(admin, request)).rejects.toMatchObject({ code });
  }
});

test('what the CA never issued is 404, what is no certID malformed', async () => {
  const { record } = await chancery.issue();
  const root = chancery.root.issuerId;
  for (const row of [
    { issuerId: record.issuerId, serialNumber: '1234567890abcdef' },
    { issuerId: root, serialNumber: record.serialNumber },
    { issuerId: 'ff'.repeat(20), serialNumber: record.serialNumber },
  ]) {
    expectProblem(await ask(certIdOf(row)), 404, 'malformed');
  }
  for (const certId of ['x', 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.', `${certIdOf(record)}=`, 'a.b.c']) {
    expectProblem(await ask(certId), 400, 'malformed');
  }
  const vector = await ask('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
  expectProblem(vector, 404, 'malformed');
});

test('an issuing CA under the root has a window as well', async () => {
  const [own] = await chancery.sql(
    'SELECT c.serial_number FROM certificates c JOIN certificate_contents m ON m.certificate_id = c.id WHERE m.subject LIKE $1',
    ['%issuing%'],
  );
  const serialNumber = String(own?.['serial_number']);
  const answer = await ask(certIdOf({ issuerId: chancery.root.issuerId, serialNumber }));
  expect([200, 404]).toContain(answer.status);
  expect(answer.status, JSON.stringify(own)).toBe(200);
});

test('no command line takes an incident for an option: its id never begins with a hyphen', async () => {
  const draws = [new Uint8Array(16).fill(0xfb), new Uint8Array(16).fill(7)];
  const node = await server.node('drawn', {
    acme: { randomBytes: (length) => draws.shift() ?? new Uint8Array(length) },
  });
  const { incidentId } = await node.acme.openIncident(admin, { spreadSeconds: 60 });
  expect(incidentId).toMatch(/^[^-]/);
  await node.acme.closeIncident(admin, incidentId);
});

test('I32: renewals of what a compromise revokes are paced, and end with it', async () => {
  const rows: CertificateRecord[] = [];
  for (let n = 0; n < 6; n += 1) rows.push((await chancery.issue({ owner: 'paced' })).record);
  const now = clock.now().getTime();
  const pace = 12 * 3_600_000;
  const { incident } = await chancery.authority.openIncident(admin, {
    subject: { kind: 'query', query: { owner: 'paced' } },
    ...{ reason: 'a bad profile', renewWithinSeconds: pace / 1000, drill: false, act: 'revoke' },
    ...{ reasonCode: 'superseded', explanationUrl: 'https://pki.example.test/incident' },
  });
  const ends = new Set<number>();
  const look = async (): Promise<void> => {
    for (const row of rows) {
      const { start, end, explanation } = await windowOf(row);
      expect(Math.abs(start - now)).toBeLessThanOrEqual(1000);
      expect(end).toBeLessThanOrEqual(now + pace + 1000);
      expect(explanation).toBe('https://pki.example.test/incident');
      ends.add(end);
    }
    expect(ends.size).toBe(rows.length);
  };
  await look();
  while (await chancery.authority.continueBulkJobs());
  await chancery.authority.tick();
  for (const row of rows) expect((await chancery.find(row))?.status.status).toBe('revoked');
  await look();
  // A successor is left alone, whoever has the same name.
  const { record } = await chancery.issue({ owner: 'paced' });
  expect((await windowOf(record)).start).toBeGreaterThan(now + pace);
  await chancery.authority.closeIncident(admin, incident.id, 'the rest is out of use');
  for (const row of rows) {
    expect((await windowOf(row)).end, 'at once').toBeLessThanOrEqual(clock.now().getTime());
  }
});
