import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { verifyInventory } from '../../../src/authority/index.ts';
import type { CertificateRecord } from '../../../src/authority/ports.ts';
import { admin, csrFor, freshKey, refusal, testAuthority } from '../../support/authority.ts';
import { sampleCertificate, sampleCrl, sampleKey } from '../../support/pki-samples.ts';

const chancery = await testAuthority('verification');
const { authority, clock } = chancery;
const { issuerId } = chancery.issuing;
const crlFile = join(chancery.folder, 'published/crl', issuerId, '0.crl');

async function verify() {
  return verifyInventory({
    source: chancery.storage.verification,
    unitOfWork: chancery.storage.unitOfWork,
    publisher: chancery.dependencies.publisher,
    tenant: 'default',
    now: clock.now(),
    settleAfterSeconds: 20,
    progress: () => undefined,
  });
}

/** Problems found with an object, whatever else was found. */
async function problems(object: string): Promise<string> {
  const { findings } = await verify();
  return findings
    .filter((finding) => finding.object.includes(object))
    .map(({ problem }) => problem)
    .join('\n');
}

const ofRegister = [
  'serial_number',
  'issuer_id',
  'not_before',
  'not_after',
  'type',
  'spki_hash',
  'tbs_sha256',
];

const alter = async (record: CertificateRecord, column: string, value: string) =>
  ofRegister.includes(column)
    ? chancery.sql(`UPDATE certificates SET ${column} = ${value} WHERE serial_number = $1`, [
        record.serialNumber,
      ])
    : chancery.sql(
        `UPDATE certificate_contents SET ${column} = ${value}
         WHERE certificate_id = (SELECT id FROM certificates WHERE serial_number = $1)`,
        [record.serialNumber],
      );

beforeAll(async () => {
  // One of everything that a sound inventory holds.
  await chancery.issue();
  const { record: held } = await chancery.issue();
  const ref = { serialNumber: held.serialNumber };
  await authority.holdCertificate(admin, {
    ...ref,
    until: new Date(clock.now().getTime() + 60_000),
    then: 'alarm',
  });
  const { record: released } = await chancery.issue();
  await authority.holdCertificate(admin, { serialNumber: released.serialNumber });
  await authority.publishCrl(admin, 'issuing');
  await authority.releaseCertificate(admin, { serialNumber: released.serialNumber });
  const { record: revoked } = await chancery.issue();
  await authority.revokeCertificate(admin, {
    serialNumber: revoked.serialNumber,
    reasonCode: 'superseded',
  });
  await authority.revokeCertificate(admin, {
    serialNumber: revoked.serialNumber,
    reasonCode: 'keyCompromise',
  });
  const crashing = await chancery.node('crashing');
  crashing.at['issue.2-after-intent'] = () => {
    throw new Error('killed');
  };
  const lost = crashing.authority.issueCertificate(admin, {
    profile: 'tls-server',
    csr: csrFor(freshKey(), 'lost.example.test'),
  });
  await refusal(lost);
  clock.advance(120);
  await authority.tick();
  await authority.drain();
  await authority.createIssuer(admin, { name: 'pending', kind: 'external', keyAlgorithm: 'p256' });
  await authority.publishCrl(admin, 'issuing');
});

test('a sound inventory: everything is counted, nothing is found, nothing is changed', async () => {
  const report = await verify();
  expect(report.findings).toEqual([]);
  expect(report.certificates).toBeGreaterThanOrEqual(7);
  expect(report.statusChanges).toBeGreaterThanOrEqual(6);
  expect(report.crls).toBeGreaterThanOrEqual(4);
  expect(report.auditRecords).toBeGreaterThan(10);
});

describe('columns against DER', () => {
  test.each([
    ['subject', "'CN=somebody else'"],
    ['names', "ARRAY['DNS:other.example.test']"],
    ['not_before', "not_before - interval '1 day'"],
    ['not_after', "not_after + interval '1 day'"],
    ['spki_hash', "decode(repeat('00', 32), 'hex')"],
    ['key_algorithm', "'1.2.3'"],
    ['signature_algorithm', "'1.2.3'"],
    ['policies', "ARRAY['1.2.3']"],
    ['type', "'ca'"],
    ['tbs_sha256', "sha256('another')"],
  ])('%s', async (column, value) => {
    const { record } = await chancery.issue();
    await alter(record, column, value);
    expect(await problems(record.serialNumber)).toMatch(/column .* differs from the certificate/);
  });

  test('a serial number', async () => {
    const { record } = await chancery.issue();
    await alter(record, 'serial_number', "'5eed'");
    expect(await problems('5eed')).toContain('serialNumber differs');
  });

  test('a certificate moved below another issuer', async () => {
    const { record } = await chancery.issue();
    await alter(record, 'issuer_id', `'${chancery.root.issuerId}'`);
    expect(await problems(record.serialNumber)).toMatch(/issuer differs[\s\S]*does not verify/);
  });
});

describe('DER', () => {
  test('a bit of the signature', async () => {
    const { record } = await chancery.issue();
    await chancery.sql(
      `UPDATE issuance_outcomes SET certificate_tail = set_byte(certificate_tail, octet_length(certificate_tail) - 1,
         get_byte(certificate_tail, octet_length(certificate_tail) - 1) # 1)
       WHERE certificate_id = (SELECT id FROM certificates WHERE serial_number = $1)`,
      [record.serialNumber],
    );
    expect(await problems(record.serialNumber)).toContain('signature does not verify');
  });

  test('a name inside the TBS, with its column', async () => {
    const { record } = await chancery.issue({ dns: 'aaaa.example.test' });
    await alter(
      record,
      'tbs_certificate',
      `decode(replace(encode(tbs_certificate, 'hex'), encode('aaaa.', 'hex'), encode('bbbb.', 'hex')), 'hex')`,
    );
    const [altered] = await chancery.sql(
      `SELECT encode(sha256(tbs_certificate), 'hex') AS hash FROM certificate_contents
       WHERE certificate_id = (SELECT id FROM certificates WHERE serial_number = $1)`,
      [record.serialNumber],
    );
    await alter(record, 'tbs_sha256', `'\\x${String(altered?.['hash'])}'`);
    await alter(record, 'subject', "'CN=bbbb.example.test'");
    await alter(record, 'names', "ARRAY['DNS:bbbb.example.test']");
    expect(await problems(record.serialNumber)).toBe(
      'its signature does not verify with the issuer’s key',
    );
  });

  test('what is no certificate at all', async () => {
    const { record } = await chancery.issue();
    await alter(record, 'tbs_certificate', "'\\x3000'");
    expect(await problems(record.serialNumber)).toContain('can');
  });
});

describe('status and history', () => {
  const heldAndReleased = async () => {
    const { record } = await chancery.issue();
    const ref = { serialNumber: record.serialNumber };
    await authority.holdCertificate(admin, ref);
    await authority.releaseCertificate(admin, ref);
    // The CRL that still showed the hold is gone.
    await authority.publishCrl(admin, 'issuing');
    return record;
  };
  const remove = async (record: CertificateRecord, condition: string) =>
    chancery.sql(
      `DELETE FROM status_changes WHERE certificate_id = (SELECT id FROM certificates WHERE serial_number = $1) AND ${condition}`,
      [record.serialNumber],
    );

  test('a deleted row whose absence makes the rest illegal', async () => {
    const record = await heldAndReleased();
    await remove(record, "act = 'hold'");
    expect(await problems(record.serialNumber)).toContain('not legal');
  });

  test('deleted rows whose absence leaves the rest sound: the audit log still tells of them', async () => {
    const record = await heldAndReleased();
    await remove(record, 'true');
    expect(await problems(record.serialNumber)).toBe(
      'has 0 changes in its history, the audit log tells of 2',
    );
  });

  test('a revocation undone by hand', async () => {
    const { record } = await chancery.issue();
    await authority.revokeCertificate(admin, {
      serialNumber: record.serialNumber,
      reasonCode: 'keyCompromise',
    });
    await chancery.sql('DELETE FROM certificate_status WHERE serial_number = $1', [
      record.serialNumber,
    ]);
    expect(await problems(record.serialNumber)).toMatch(
      /status is issued, good; its history gives revoked/,
    );
    await chancery.sql(
      `INSERT INTO certificate_status (certificate_id, not_after, not_good_since, shard, tenant, issuer_id, serial_number, status, reason_code)
       SELECT id, not_after, $2, shard, tenant, issuer_id, serial_number, 'revoked', 'keyCompromise' FROM certificates WHERE serial_number = $1`,
      [record.serialNumber, clock.now()],
    );
    expect(await problems(record.serialNumber)).toBe('');
  });

  test('another revocation time, another reason, another deadline of a hold', async () => {
    for (const change of [
      "not_good_since = not_good_since - interval '1 day'",
      'invalidity_date = now()',
      "hold_until = now(), hold_then = 'release'",
      "hold_cause = 'investigation'",
    ]) {
      const { record } = await chancery.issue();
      await authority.holdCertificate(admin, { serialNumber: record.serialNumber });
      await chancery.sql(`UPDATE certificate_status SET ${change} WHERE serial_number = $1`, [
        record.serialNumber,
      ]);
      expect(await problems(record.serialNumber), change).toContain('its history gives');
    }
  });

  test('a prepared row that nobody settled', async () => {
    const node = await chancery.node('never-settled');
    node.at['issue.2-after-intent'] = () => {
      throw new Error('killed');
    };
    const lost = node.authority.issueCertificate(admin, {
      profile: 'tls-server',
      csr: csrFor(freshKey(), 'never.example.test'),
    });
    await refusal(lost);
    clock.advance(600);
    const { findings } = await verify();
    expect(findings.map(({ problem }) => problem)).toContain(
      'is prepared since long and was never settled',
    );
    await authority.tick();
    await authority.drain();
  });
});

describe('audit', () => {
  test.each([
    ['principal_name', "'nobody'"],
    ['outcome', "'refused'"],
    ['object', "'other'"],
    ['at', "at - interval '1 hour'"],
    ['canonical', "convert_to(replace(convert_from(canonical, 'UTF8'), 'admin', 'nimda'), 'UTF8')"],
  ])('an altered %s', async (column, value) => {
    const { record } = await chancery.issue();
    const [row] = await chancery.sql('SELECT id FROM audit WHERE object LIKE $1', [
      `%${record.serialNumber}`,
    ]);
    await chancery.sql(`UPDATE audit SET ${column} = ${value} WHERE id = $1`, [row?.['id']]);
    expect(await problems(`audit record ${String(row?.['id'])}`)).toContain(
      'differ from its canonical bytes',
    );
  });

  test('a deleted record of a change of status', async () => {
    const { record } = await chancery.issue();
    await authority.holdCertificate(admin, { serialNumber: record.serialNumber });
    await chancery.sql("DELETE FROM audit WHERE act = 'certificate.hold' AND object LIKE $1", [
      `%${record.serialNumber}`,
    ]);
    expect(await problems(record.serialNumber)).toBe(
      'has 1 changes in its history, the audit log tells of 0',
    );
  });
});

describe('CRLs', () => {
  test('a number that stands twice', async () => {
    await chancery.sql('ALTER TABLE crls DROP CONSTRAINT crls_pkey');
    const [{ crlNumber } = { crlNumber: 0n }] = await authority.publishCrl(admin, 'issuing');
    await chancery.sql('INSERT INTO crls SELECT * FROM crls WHERE crl_number = $1', [crlNumber]);
    expect(await problems(`crl/${issuerId}/0.crl`)).toContain(`${crlNumber} was used twice`);
    await chancery.sql(
      'DELETE FROM crls WHERE ctid = (SELECT max(ctid) FROM crls WHERE crl_number = $1)',
      [crlNumber],
    );
  });

  test('a published file replaced: older, of another key, of nobody, missing', async () => {
    const old = readFileSync(crlFile);
    await authority.publishCrl(admin, 'issuing');
    const now = readFileSync(crlFile);
    const key = sampleKey('ecdsa-with-SHA256', 5);
    const issuer = {
      certificate: sampleCertificate({ key, subject: 'CN=issuing', ca: true }),
      key,
    };
    const cases: readonly (readonly [Uint8Array | undefined, RegExp])[] = [
      [old, /is older than the recorded/],
      [sampleCrl(issuer, []), /does not verify/],
      [Buffer.from('not a CRL'), /can't be read/],
      [undefined, /file is missing/],
    ];
    for (const [content, problem] of cases) {
      if (content === undefined) rmSync(crlFile);
      else writeFileSync(crlFile, content);
      expect(await problems(`crl/${issuerId}/0.crl`)).toMatch(problem);
    }
    writeFileSync(crlFile, now);
    expect(await problems(`crl/${issuerId}/0.crl`)).toBe('');
  });

  test('who is revoked and not on the CRL, and who is on it without a row', async () => {
    const { record } = await chancery.issue();
    await authority.revokeCertificate(admin, {
      serialNumber: record.serialNumber,
      reasonCode: 'superseded',
    });
    await authority.publishCrl(admin, 'issuing');
    const shard = async (to: number) =>
      chancery.sql('UPDATE certificate_status SET shard = $2 WHERE serial_number = $1', [
        record.serialNumber,
        to,
      ]);
    const entry = await chancery.sql(
      'UPDATE certificates SET serial_number = $2 WHERE serial_number = $1 RETURNING id',
      [record.serialNumber, 'abcdef'],
    );
    expect(await problems(record.serialNumber)).toContain('has no row');
    await chancery.sql('UPDATE certificates SET serial_number = $2 WHERE id = $1', [
      entry[0]?.['id'],
      record.serialNumber,
    ]);
    // Out of its shard's CRL, and the CRL before is gone with what it would tell.
    await shard(1);
    rmSync(crlFile);
    clock.advance(300);
    await authority.publishCrl(admin, 'issuing');
    expect(await problems(record.serialNumber)).toContain('not on the published CRL');
    await shard(0);
    await authority.publishCrl(admin, 'issuing');
  });

  test('a published CA certificate replaced', async () => {
    const file = join(chancery.folder, 'published/ca', `${issuerId}.cer`);
    const now = readFileSync(file);
    writeFileSync(file, sampleCertificate({ key: sampleKey('ecdsa-with-SHA256'), ca: true }).der);
    expect(await problems(`ca/${issuerId}.cer`)).toContain('not the issuer’s');
    writeFileSync(file, now);
  });
});

describe('issuers', () => {
  test('a hash by which OCSP finds it, its subject, its certificate', async () => {
    for (const change of [
      `name_hashes = jsonb_set(name_hashes, '{sha1}', '"00"')`,
      `key_hashes = jsonb_set(key_hashes, '{sha256}', '"00"')`,
      `subject = '\\x3000'`,
    ]) {
      const [before] = await chancery.sql('SELECT * FROM issuers WHERE issuer_id = $1', [issuerId]);
      await chancery.sql(`UPDATE issuers SET ${change} WHERE issuer_id = $1`, [issuerId]);
      expect(await problems(issuerId), change).toMatch(/hashes|subject column/);
      await chancery.sql(
        'UPDATE issuers SET name_hashes = $2, key_hashes = $3, subject = $4 WHERE issuer_id = $1',
        [issuerId, before?.['name_hashes'], before?.['key_hashes'], before?.['subject']],
      );
    }
    expect(await problems(chancery.root.issuerId)).not.toMatch(/hashes|subject column/);
  });
});
