/**
 * SP 800-57 Part 1 §9.5.4, §7.5, RFC 6960 §2.7: the compromise of an issuer's key, with the commands of
 * docs/operations/compromise.md on a whole installation, judged by openssl. The CA is killed before its job
 * has reached a row.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { useInstallation } from '../support/installation.ts';
import { opensslOcsp } from '../support/ocsp-judges.ts';
import { until } from '../support/quickstart-run.ts';

const failpointFile = join(tmpdir(), `chancery-incident-${process.pid}`);
const chancery = useInstallation({ CHANCERY_FAILPOINT_FILE: failpointFile });
afterAll(() => rmSync(failpointFile, { force: true }));

interface Status {
  readonly id: string;
  readonly state: string;
  readonly affected: number;
  readonly progress: Readonly<Record<string, number>>;
}

const names = ['a', 'b', 'c', 'd'];

async function issue(name: string, file = name): Promise<void> {
  await chancery.ok(
    ...['issue', '--profile', 'tls-server', '--dns', `${name}.example.test`],
    ...[
      '--key-out',
      chancery.path(`${file}.key`),
      '--out',
      chancery.path(`${file}.pem`),
      '--issuer',
      'issuing',
    ],
  );
}

/** What `openssl ocsp`, with its default strictness, says of certificates or serial numbers. */
async function openssl(more: readonly string[], certificates: readonly string[] = []) {
  const { output } = await opensslOcsp({
    issuer: chancery.path('issuer.pem'),
    certificates: certificates.map((name) => chancery.path(`${name}.pem`)),
    url: chancery.ocspUrl,
    root: chancery.root,
    more,
  });
  return output;
}

const count = (text: string, what: RegExp): number => text.match(what)?.length ?? 0;

describe('an issuer’s key is compromised', () => {
  it('dry run, declaration, OCSP at once, a crash of the CA, re-keying, report', async () => {
    await until(
      'another issuer',
      async () => {
        const made = ['issuer', 'create', 'next', '--parent', 'root', '--key', 'p256'];
        const { code, stderr } = await chancery.chancery(...made);
        // A token that was slow is asked again; the issuer may be there by then.
        return code === 0 || /already/.test(stderr);
      },
      60_000,
    );
    for (const name of names) await issue(name);
    const [, above] =
      chancery.read('a.pem').match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
    chancery.write('issuer.pem', `${above}\n`);
    expect(count(await openssl([], names), /\.pem: good/g), await openssl([], names)).toBe(
      names.length,
    );

    const radius = await chancery.json<{
      readonly reach: Readonly<Record<string, number>>;
      readonly siblingKeys: readonly { readonly because: readonly string[] }[];
      readonly signatures: Readonly<Record<string, number>>;
      readonly ownCertificates: readonly unknown[];
    }>('compromise', 'issuer', 'issuing', '--dry-run');
    // The HTTPS server's and the principals' certificates are of this issuer, too.
    const affected = radius.reach['certificates'] ?? 0;
    expect(affected).toBeGreaterThanOrEqual(names.length);
    expect(radius.ownCertificates).toHaveLength(1);
    expect(radius.signatures['certificates']).toBeGreaterThanOrEqual(names.length);
    expect(radius.signatures['crls']).toBeGreaterThan(0);
    expect(radius.siblingKeys.some(({ because }) => because.includes('sameToken'))).toBe(true);
    expect(count(await openssl([], names), /\.pem: good/g)).toBe(names.length);
    // Neither a terminal that could be asked nor a number: nothing is done.
    expect((await chancery.chancery('compromise', 'issuer', 'issuing')).code).toBe(2);
    const wrong = ['compromise', 'issuer', 'issuing', '--expect', String(affected + 1)];
    expect((await chancery.chancery(...wrong)).code).toBe(1);

    // The CA dies whenever its job is about to commit.
    const ca = chancery.pid('ca');
    const arm = (): void => {
      writeFileSync(`${failpointFile}.new`, 'bulk.1-before-commit');
      renameSync(`${failpointFile}.new`, failpointFile);
    };
    arm();
    const declared = Date.now();
    const answer = await chancery.rest('POST', '/api/v1/compromises', {
      issuer: 'issuing',
      reason: 'the token was stolen',
      invalidityDate: new Date(Date.now() - 3_600_000).toISOString(),
      reissueBy: 'next',
      expectedCount: affected,
    });
    expect(answer.status, answer.text).toBe(202);
    const { id } = answer.json() as Status;
    await until('a dead CA', () => chancery.pid('ca') !== ca);
    // Issued, and under a serial number that no register has: whoever has the key signs what it likes.
    await until(
      'revoked',
      async () => {
        if (!existsSync(failpointFile)) arm();
        return count(await openssl([], names), /\.pem: revoked/g) === names.length;
      },
      10_000,
    );
    expect(Date.now() - declared).toBeLessThan(60_000);
    const forged = await openssl(['-serial', '0x1234567890abcdef']);
    expect(forged).toMatch(/0x1234567890abcdef: revoked/i);
    expect(forged).toMatch(/cACompromise/i);
    expect(forged).not.toMatch(/Response Verify Failure/);

    rmSync(failpointFile, { force: true });
    await until(
      'the job to be done by a CA that was started again',
      async () => {
        const seen = await chancery.chancery('incident', 'status', id, '--json');
        return seen.code === 0 && (JSON.parse(seen.stdout) as Status).state === 'waiting';
      },
      60_000,
    );
    const waiting = await chancery.json<Status>('incident', 'status', id);
    expect(waiting.affected).toBe(affected);
    // What stays good in the register: its delegate, with which all of this is told, and the credentials
    // of those who must act now.
    const good = waiting.progress['good'] ?? 0;
    expect(good).toBeGreaterThan(radius.reach['delegates'] ?? 0);
    expect(waiting.progress['revoked']).toBe(affected - good);
    expect(waiting.progress['revoked']).toBeGreaterThanOrEqual(names.length);
    expect(count(await openssl([], names), /\.pem: revoked/g)).toBe(names.length);

    // Whoever names the compromised issuer gets the one that was named instead.
    for (const name of names.slice(1)) await issue(name, `${name}2`);
    const next = chancery.read('b2.pem').match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----/g)?.[1];
    expect(next).not.toBe(above);
    const later = await chancery.json<Status>('incident', 'status', id);
    expect(later.progress['reKeyed']).toBe(names.length - 1);
    expect(await chancery.ok('incident', 'status', id, '--remaining')).toContain('a.example.test');
    // Its CRL is not renewed, and that is no fault of this CA.
    expect((await chancery.chancery('crl', 'publish', '--issuer', 'issuing')).code).toBe(1);
    expect((await fetch(`${chancery.httpUrl}/readyz`)).status).toBe(200);

    expect((await chancery.chancery('incident', 'close', id)).code).toBe(1);
    const page = chancery.path('report.html');
    await chancery.ok(
      ...['incident', 'close', id, '--comment', 'a.example.test is out of use'],
      ...['--format', 'html', '--out', page],
    );
    const report = chancery.read('report.html');
    for (const said of [
      'issuerCompromise',
      'the token was stolen',
      'keyCompromised',
      'issuerRevoked',
    ]) {
      expect(report).toContain(said);
    }
    expect(await chancery.ok('incident', 'report', id)).toContain('a.example.test');
  }, 180_000);
});
