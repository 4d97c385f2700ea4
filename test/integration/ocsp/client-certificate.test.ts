/** The responder's own client certificate renews itself over the certificate it replaces. */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ClientCertificate } from '../../../ocsp/client-certificate.ts';
import { startTestResponder, TestClock } from '../../support/test-responder.ts';

const made = await startTestResponder();
const { authority } = made;
const { enrolment } = made.options;
const clock = new TestClock();
const client = new ClientCertificate(enrolment, clock, () => undefined);

describe('the responder as a client of the CA', () => {
  it('keeps its certificate through the first half of its life', async () => {
    const { length } = authority.requests;
    await client.renewWhenDue();
    expect(authority.requests).toHaveLength(length);
  });

  it('then asks with it for another, of a new key, and uses that', async () => {
    const before = await client.read();
    clock.offset = 20 * 24 * 3600_000;
    await client.renewWhenDue();
    clock.offset = 0;
    const [request] = authority.requests.slice(-1);
    expect(request?.path).toBe(`/api/v1/certificates/${before.parsed.serialNumber}/rekey`);
    expect(request?.client).toBe(before.parsed.serialNumber);
    const after = await client.read();
    expect(after.parsed.serialNumber).not.toBe(before.parsed.serialNumber);
    expect(after.key).not.toBe(before.key);
    expect(readFileSync(enrolment.keyFile, 'utf8')).toBe(after.key);
    expect(statSync(enrolment.keyFile).mode & 0o777).toBe(0o600);
  });

  it('after a crash between its two files it still finds the pair that fits', async () => {
    const before = await client.read();
    const old = {
      key: readFileSync(enrolment.keyFile),
      certificate: readFileSync(enrolment.certificateFile),
    };
    clock.offset = 20 * 24 * 3600_000;
    await client.renewWhenDue();
    clock.offset = 0;
    const after = await client.read();
    // Key renamed, certificate not yet.
    renameSync(enrolment.certificateFile, `${enrolment.certificateFile}.next`);
    writeFileSync(enrolment.certificateFile, old.certificate);
    expect((await client.read()).parsed.serialNumber).toBe(after.parsed.serialNumber);
    // New key written, its certificate not yet.
    writeFileSync(`${enrolment.keyFile}.next`, readFileSync(enrolment.keyFile));
    writeFileSync(enrolment.keyFile, old.key);
    renameSync(`${enrolment.certificateFile}.next`, `${enrolment.certificateFile}.away`);
    expect((await client.read()).parsed.serialNumber).toBe(before.parsed.serialNumber);
  });

  it('says what is missing when there is none', async () => {
    const missing = { ...enrolment, keyFile: `${enrolment.keyFile}.none` };
    await expect(
      new ClientCertificate(missing, clock, () => undefined).read(),
    ).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('chancery init') as string,
    });
  });
});
