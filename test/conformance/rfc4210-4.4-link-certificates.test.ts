/** RFC 4210 §4.4, RFC 5280 §3.2: a root is followed by one of the same name; openssl and GnuTLS judge every path. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IssuedCertificate } from '../../src/authority/index.ts';
import { defaultTenant } from '../../src/domain/index.ts';
import {
  type Certificate,
  encodePem,
  findExtension,
  oids,
  parseBasicConstraints,
  parseCertificate,
  verifyChain,
} from '../../src/pkix/index.ts';
import { admin, refusal, type TestAuthority, testAuthority } from '../support/authority.ts';
import { runCommand, type ScratchFolder, scratchFolder } from '../support/openssl.ts';
import { sampleCertificate, sampleKey } from '../support/pki-samples.ts';

const both = ['verified', 'verified'];
const reason = 'the root changes its key';

describe('link certificates', () => {
  let ca: TestAuthority;
  let scratch: ScratchFolder;
  /** Parsed, by issuer's name. */
  const own = async (name: string): Promise<Certificate> =>
    parseCertificate((await ca.authority.showIssuer(admin, name)).certificate ?? new Uint8Array());
  const links = async (): Promise<Readonly<Record<string, Certificate>>> => {
    const made = await ca.authority.linkIssuer(admin, 'top-2');
    return Object.fromEntries(
      made.map(({ kind, certificate }) => [kind, parseCertificate(certificate)]),
    );
  };
  const crls = async (): Promise<string> => {
    const all = await ca.authority.listIssuers(admin);
    const ids = all.filter(({ standing }) => standing !== 'prepared').map((one) => one.issuerId);
    return scratch.file(
      'all.crls',
      ids
        .map((id) => readFileSync(join(ca.folder, 'published/crl', id, '0.crl')))
        .map((der) => encodePem('X509 CRL', der))
        .join(''),
    );
  };
  /** Both judges, with the CRLs of every issuer: of two of the same name the right one is to be found. */
  const judged = async (
    anchor: Certificate,
    leaf: IssuedCertificate,
    above: readonly Certificate[],
  ): Promise<readonly string[]> => {
    const trust = scratch.pem('trust.pem', [anchor]);
    const end = parseCertificate(leaf.certificate);
    const list = await crls();
    const seconds = String(Math.floor(ca.clock.now().getTime() / 1000));
    const openssl = runCommand('openssl', [
      ...['verify', '-x509_strict', '-crl_check_all', '-attime', seconds, '-CAfile', trust],
      ...['-untrusted', scratch.pem('above.pem', above), '-CRLfile', list],
      scratch.pem('leaf.pem', [end]),
    ]);
    // certtool has no option for the time.
    const then = ca.clock.now().toISOString().slice(0, 19).replace('T', ' ');
    const gnutls = runCommand('env', [
      ...['TZ=UTC', 'faketime', then, 'certtool', '--verify', '--load-ca-certificate', trust],
      ...['--infile', scratch.pem('path.pem', [end, ...above])],
    ]);
    return [openssl, gnutls].map(({ status, output }) =>
      status === 0 ? 'verified' : (/violates the signer's constraints/.exec(output)?.[0] ?? output),
    );
  };

  const prepare = async (name: string) =>
    ca.authority.prepareRollover(admin, 'issuing', { name, reason });

  beforeAll(async () => {
    scratch = scratchFolder();
    ca = await testAuthority('links', { settings: { distributeBeforeActivationSeconds: 0 } });
    // A path length that has room for one CA: a link certificate must not take it (RFC 5280 §6.1.4 (l)).
    await ca.authority.createIssuer(admin, {
      name: 'top',
      kind: 'root',
      keyAlgorithm: 'p256',
      pathLength: 1,
    });
    await ca.authority.createIssuer(admin, {
      name: 'low',
      kind: 'subordinate',
      parent: 'top',
      keyAlgorithm: 'p256',
    });
    await ca.authority.prepareRollover(admin, 'top', { name: 'top-2', sameName: true, reason });
  });
  afterAll(() => scratch.remove());

  test('the bundle carries both roots from the preparation on, and says so in the key record', async () => {
    const { anchors, etag } = await ca.authority.trustBundle('default');
    const wanted = [await own('top'), await own('top-2')].map(({ der }) =>
      createHash('sha256').update(der).digest('hex'),
    );
    expect(anchors.map(({ sha256 }) => sha256)).toEqual(expect.arrayContaining(wanted));
    const status = await ca.authority.rolloverStatus(admin, 'top-2');
    expect(status.distributions.map(({ channel }) => channel).sort()).toEqual([
      'caCertificate',
      'trustBundle',
    ]);
    expect(status.distributions.find(({ channel }) => channel === 'trustBundle')?.sha256).toBe(
      etag,
    );
  });

  test('before the activation only the old key signs: new with old', async () => {
    expect(Object.keys(await links())).toEqual(['newWithOld']);
    expect(await ca.authority.activateIssuer(admin, 'top-2', { reason })).toMatchObject({
      standing: 'issuing',
    });
    expect(Object.keys(await links()).sort()).toEqual(['newWithOld', 'oldWithNew']);
    // Asked for again nothing is made again.
    expect(await ca.authority.listCrossCertificates(admin, 'top-2')).toHaveLength(1);
    expect(await ca.authority.listCrossCertificates(admin, 'top')).toHaveLength(1);
  });

  test('a link is self-issued, names the other key, and passes the path length on', async () => {
    const { newWithOld, oldWithNew } = await links();
    for (const link of [newWithOld, oldWithNew]) {
      expect(link?.issuer.der).toEqual(link?.subject.der);
      const value = link && findExtension(link.extensions, oids.basicConstraints)?.value;
      expect(parseBasicConstraints(value ?? new Uint8Array())).toEqual({
        cA: true,
        pathLenConstraint: 1,
      });
    }
    expect(newWithOld?.subjectPublicKeyInfo.der).toEqual(
      (await own('top-2')).subjectPublicKeyInfo.der,
    );
    // It does not outlive either root (RFC 4210 §4.4.1).
    const [old, next] = [await own('top'), await own('top-2')];
    for (const { validity } of [newWithOld, oldWithNew].filter((link) => link !== undefined)) {
      expect(validity.notAfter <= old.validity.notAfter).toBe(true);
      expect(validity.notAfter <= next.validity.notAfter).toBe(true);
    }
  });

  test('openssl and GnuTLS: old and new certificates, from the old root and from the new one', async () => {
    const { newWithOld, oldWithNew } = await links();
    if (newWithOld === undefined || oldWithNew === undefined) throw new Error('no links');
    const before = await ca.issue({ issuer: 'low' });
    await ca.authority.prepareRollover(admin, 'low', { name: 'low-2', sameName: true, reason });
    await ca.authority.activateIssuer(admin, 'low-2', { reason });
    const after = await ca.issue({ issuer: 'low-2' });
    const [low, low2] = [await own('low'), await own('low-2')];
    // The next subordinate stands under the next root.
    const { parentIssuerId } = await ca.authority.showIssuer(admin, 'low-2');
    expect(parentIssuerId).toBe((await ca.authority.showIssuer(admin, 'top-2')).issuerId);
    for (const issuer of ['top', 'top-2', 'low', 'low-2', 'issuing']) {
      await ca.authority.publishCrl(admin, issuer);
    }
    const [top, top2] = [await own('top'), await own('top-2')];
    expect(await judged(top, before, [low])).toEqual(both);
    expect(await judged(top2, after, [low2])).toEqual(both);
    // GnuTLS counts self-issued certificates where RFC 5280 §6.1.4 (l) does not: a root that is to be
    // followed has no path length, or one more than it needs (docs/rollover.md).
    const counted = ['verified', "violates the signer's constraints"];
    expect(await judged(top2, before, [low, oldWithNew])).toEqual(counted);
    expect(await judged(top, after, [low2, newWithOld])).toEqual(counted);
  });

  test('the paths that ACME offers as alternates are these', async () => {
    const { newWithOld, oldWithNew } = await links();
    const { issuerId } = await ca.authority.showIssuer(admin, 'low-2');
    const leaf = parseCertificate((await ca.issue({ issuer: 'low-2' })).certificate);
    const paths = await ca.authority.alternatePaths(issuerId);
    expect(paths.map((path) => path[1]?.der)).toEqual([newWithOld?.der]);
    for (const path of paths) expect(verifyChain([leaf, ...path], ca.clock.now())).toEqual([]);
    const old = await ca.authority.alternatePaths(
      (await ca.authority.showIssuer(admin, 'low')).issuerId,
    );
    expect(old.map((path) => path[1]?.der)).toEqual([oldWithNew?.der]);
  });

  test('every certificate for an issuer’s key is validated before it is kept', async () => {
    const { oldWithNew } = await links();
    const [low2] = [await own('low-2')];
    // Of another key.
    expect(
      await refusal(
        ca.authority.crossCertify(admin, 'low', { chain: [low2.der, (await own('top-2')).der] }),
      ),
    ).toBe('policyViolation');
    // A path that does not hold: the link was signed by the new root, not by this one.
    expect(
      await refusal(
        ca.authority.crossCertify(admin, 'top', {
          chain: [oldWithNew?.der ?? new Uint8Array(), (await own('root')).der],
        }),
      ),
    ).toBe('policyViolation');
    // An issuer of another hierarchy of ours certifies it; the certificate is in that one's inventory.
    const cross = await ca.authority.crossCertify(admin, 'low-2', { by: 'root' });
    expect(cross).toMatchObject({ kind: 'cross', number: 1 });
    expect(
      await ca.authority.publishedFile(`ca/${cross.subjectIssuerId}-cross-1.cer`),
    ).toBeDefined();
    const leaf = await ca.issue({ issuer: 'low-2' });
    expect(await judged(await own('root'), leaf, [parseCertificate(cross.certificate)])).toEqual(
      both,
    );
    const rows = await ca.read(async (transaction) =>
      transaction.inventory.findBySerialNumber(
        defaultTenant,
        parseCertificate(cross.certificate).serialNumber,
      ),
    );
    expect(rows.map(({ issuerId, type }) => [issuerId, type])).toEqual([[ca.root.issuerId, 'ca']]);
  });

  test('a certificate from a CA elsewhere is kept, published and offered; openssl follows it', async () => {
    const low2 = await own('low-2');
    const key = sampleKey('ecdsa-with-SHA384', 60);
    const elsewhere = sampleCertificate({ key, subject: 'CN=Elsewhere', ca: true });
    const crossed = sampleCertificate({
      key: { ...key, spki: low2.subjectPublicKeyInfo },
      ...{ subject: low2.subject, issuer: { certificate: elsewhere, key }, ca: true },
    });
    const chain = [crossed.der, elsewhere.der];
    const cross = await ca.authority.crossCertify(admin, 'low-2', { chain });
    expect(cross.signerIssuerId).toBeUndefined();
    expect(
      await ca.authority.publishedFile(
        `ca/${cross.subjectIssuerId}-cross-${cross.number.toString()}.cer`,
      ),
    ).toBeDefined();
    const paths = await ca.authority.alternatePaths(cross.subjectIssuerId);
    expect(paths.map((path) => path.map(({ der }) => der))).toContainEqual(chain);
    const leaf = parseCertificate((await ca.issue({ issuer: 'low-2' })).certificate);
    const verified = runCommand('openssl', [
      ...['verify', '-attime', String(Math.floor(ca.clock.now().getTime() / 1000))],
      ...['-CAfile', scratch.pem('elsewhere.pem', [elsewhere])],
      ...['-untrusted', scratch.pem('crossed.pem', [crossed]), scratch.pem('end.pem', [leaf])],
    ]);
    expect(verified).toMatchObject({ status: 0 });
  });

  test('without a path length both judges follow a link; one by name finds the right CRL', async () => {
    const { name } = await ca.authority.prepareRollover(admin, 'root', {
      name: 'root-2',
      sameName: true,
      reason,
    });
    await ca.authority.activateIssuer(admin, name, { reason });
    const made = await ca.authority.linkIssuer(admin, name);
    const oldWithNew = made.find(({ kind }) => kind === 'oldWithNew');
    const leaf = await ca.issue({ issuer: 'issuing' });
    const above = [
      await own('issuing'),
      parseCertificate(oldWithNew?.certificate ?? new Uint8Array()),
    ];
    for (const issuer of ['root', 'root-2', 'issuing']) {
      await ca.authority.publishCrl(admin, issuer);
    }
    expect(await judged(await own(name), leaf, above)).toEqual(both);
    // A link that is on hold is no path any more.
    expect(await ca.authority.alternatePaths(ca.issuing.issuerId)).toHaveLength(1);
    await ca.authority.holdCertificate(admin, {
      serialNumber: parseCertificate(oldWithNew?.certificate ?? new Uint8Array()).serialNumber,
    });
    expect(await ca.authority.alternatePaths(ca.issuing.issuerId)).toEqual([]);
  });

  test('a compromised root is out of the bundle; its key is certified by nobody, and leads nowhere', async () => {
    const [root, root2] = [await own('root'), await own('root-2')];
    await ca.authority.linkIssuer(admin, 'root-2');
    const { issuerId } = await ca.authority.createIssuer(admin, {
      ...{ name: 'last', kind: 'subordinate', keyAlgorithm: 'p256', parent: 'root-2', days: 90 },
    });
    const signedByRoot = async () =>
      (await ca.authority.alternatePaths(issuerId)).map((path) => path.at(-1)?.der);
    expect(await signedByRoot()).toEqual([root.der]);
    await ca.authority.markKeyCompromised(admin, { key: 'root', reason });
    const { anchors, pem } = await ca.authority.trustBundle('default');
    const hashOf = ({ der }: Certificate) => createHash('sha256').update(der).digest('hex');
    const kept = anchors.map(({ sha256 }) => sha256);
    expect(kept).toContain(hashOf(root2));
    expect(kept).not.toContain(hashOf(root));
    expect(pem).not.toContain(encodePem('CERTIFICATE', root.der));
    expect(await signedByRoot()).toEqual([]);
    for (const request of [{ by: 'top-2' }, { chain: [root.der] }]) {
      expect(await refusal(ca.authority.crossCertify(admin, 'root', request))).toBe(
        'certificateRevoked',
      );
    }
  });

  test('a prepared issuer is given up by destroying its key; another takes its place', async () => {
    const [spare, { keyId }] = ['spare', await prepare('spare')];
    expect(await refusal(prepare('other'))).toBe('illegalTransition');
    const at = new Date(ca.clock.now().getTime() + 3_600_000);
    await ca.authority.activateIssuer(admin, spare, { reason, at });
    await ca.authority.destroyKey(admin, { key: keyId, reason });
    // The date that was set does not raise an alarm when it comes.
    await ca.authority.tick();
    expect((await ca.authority.showIssuer(admin, spare)).activateAt).toBeUndefined();
    expect(await refusal(ca.authority.activateIssuer(admin, spare, { reason }))).toBe(
      'illegalTransition',
    );
    const other = await prepare('other');
    expect((await ca.authority.showIssuer(admin, 'issuing')).successorId).toBe(other.issuerId);
  });
});
