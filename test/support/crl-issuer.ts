/** CRLs made by the product's issuance with a key in software, and readers of them that we did not write. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as pkijs from 'pkijs';
import {
  type CrlPreparation,
  issueCrl,
  prepareCrl,
  type SigningIssuer,
} from '../../src/issuance/index.ts';
import type { EncodedEntries, Signer } from '../../src/issuance/ports.ts';
import {
  encodePem,
  encodeRevokedCertificates,
  type IssuingDistributionPoint,
  importVerificationKey,
  keyIdentifier,
  type RevokedCertificate,
  type TbsCertList,
} from '../../src/pkix/index.ts';
import { collected } from './chunks.ts';
import {
  makeSoftwareIssuer,
  type SoftwareIssuer,
  type SoftwareIssuerOptions,
  signBytes,
} from './software-issuer.ts';

/** What one CRL shall say; the rest is what publication would put there. */
export interface CrlContent {
  readonly entries?: readonly RevokedCertificate[] | undefined;
  readonly thisUpdate?: Date | undefined;
  readonly nextUpdate?: Date | undefined;
  readonly crlNumber?: bigint | undefined;
  readonly issuingDistributionPoint?: IssuingDistributionPoint | undefined;
  readonly previous?: { readonly crlNumber: bigint; readonly thisUpdate: Date } | undefined;
  /** Changes fields of the tbsCertList: for what issuance must refuse. */
  readonly tbs?: Partial<TbsCertList> | undefined;
  /** What the lints are told beside distribution point and previous CRL. */
  readonly known?: Pick<
    CrlPreparation,
    'baseCrlNumber' | 'freshestCrl' | 'scope' | 'expiredCertsOnCrl'
  >;
  readonly now?: Date | undefined;
  /** An issuer that signs instead. */
  readonly as?: SigningIssuer | undefined;
}

export interface CrlIssuer {
  readonly issuer: SoftwareIssuer;
  readonly signing: SigningIssuer;
  /** URL in the certificates of this issuer. */
  readonly distributionPoint: string;
  /** Signatures made so far. */
  readonly signatures: () => number;
  /** prepare -> issue. @throws ChanceryError `lintFailed`. */
  readonly publish: (content?: CrlContent) => Promise<Uint8Array>;
}

/** Entries as a spool answers them, in the order given. */
export function entriesInMemory(entries: readonly RevokedCertificate[]): EncodedEntries {
  const encoded = encodeRevokedCertificates(entries);
  return {
    octets: encoded.length,
    count: entries.length,
    async *chunks() {
      yield await Promise.resolve(encoded);
    },
  };
}

export const crlNow = new Date('2026-11-21T12:00:00Z');
/** So late that readers with a clock of their own still accept the CRL when these tests are old. */
export const crlEnd = new Date('2045-11-21T12:00:00Z');

export function crlIssuer(options: SoftwareIssuerOptions = {}): CrlIssuer {
  const issuer = makeSoftwareIssuer({ now: new Date('2026-11-01T00:00:00Z'), ...options });
  const { certificate, key, input } = issuer;
  let signatures = 0;
  const signer: Signer = {
    async sign({ bytes }) {
      signatures += 1;
      return Promise.resolve(signBytes(input.signatureAlgorithm, key.privateKey, bytes));
    },
    async signStream({ keyId, purpose, algorithm, deadline, chunks }) {
      return signer.sign({ keyId, purpose, algorithm, deadline, bytes: await collected(chunks()) });
    },
  };
  const signing: SigningIssuer = {
    issuerId: input.issuerId,
    certificate,
    keyId: input.issuerId,
    signatureAlgorithm: input.signatureAlgorithm,
    publicKey: importVerificationKey(certificate.subjectPublicKeyInfo),
  };
  const distributionPoint = input.urls.crl;
  return {
    issuer,
    signing,
    distributionPoint,
    signatures: () => signatures,
    async publish(content = {}) {
      const thisUpdate = content.thisUpdate ?? crlNow;
      const prepared = await prepareCrl({
        tbs: {
          signature: input.signatureAlgorithm,
          issuer: certificate.subject,
          thisUpdate,
          nextUpdate: content.nextUpdate ?? crlEnd,
          crlNumber: content.crlNumber ?? BigInt(thisUpdate.getTime()) * 1000n,
          authorityKeyIdentifier: keyIdentifier(certificate.subjectPublicKeyInfo),
          issuingDistributionPoint: content.issuingDistributionPoint ?? {
            fullName: [{ type: 'uniformResourceIdentifier', value: distributionPoint }],
          },
          ...content.tbs,
        },
        entries: entriesInMemory(content.entries ?? []),
        issuer: content.as ?? signing,
        distributionPoint,
        previous: content.previous,
        ...content.known,
        now: content.now ?? thisUpdate,
      });
      const issued = await issueCrl(prepared, signer, 5000);
      const der = await collected(issued.chunks());
      return new Uint8Array(der.buffer, der.byteOffset, der.length);
    },
  };
}

/** The CRL as pkijs reads it. */
export function readByPkijs(der: Uint8Array): pkijs.CertificateRevocationList {
  return pkijs.CertificateRevocationList.fromBER(Uint8Array.from(der).buffer);
}

/** An extension of the CRL as pkijs reads it. */
export function extensionByPkijs(der: Uint8Array, oid: string): pkijs.Extension | undefined {
  return readByPkijs(der).crlExtensions?.extensions.find((extension) => extension.extnID === oid);
}

function withFiles<T>(
  der: Uint8Array,
  issuer: SoftwareIssuer,
  read: (crl: string, ca: { readonly pem: string; readonly der: string }) => T,
): T {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-crl-'));
  try {
    const crl = join(folder, 'list.crl');
    const ca = { pem: join(folder, 'ca.pem'), der: join(folder, 'ca.cer') };
    writeFileSync(crl, der);
    writeFileSync(ca.der, issuer.certificate.der);
    writeFileSync(ca.pem, encodePem('CERTIFICATE', issuer.certificate.der));
    return read(crl, ca);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What `openssl crl` prints, the signature verified with the issuer's certificate. @throws Error when it does not verify. */
export function readByOpenssl(der: Uint8Array, issuer: SoftwareIssuer): string {
  return withFiles(der, issuer, (crl, ca) => {
    const run = spawnSync(
      'openssl',
      [
        'crl',
        '-inform',
        'DER',
        '-in',
        crl,
        '-CAfile',
        ca.pem,
        '-noout',
        '-text',
        '-nameopt',
        'RFC2253',
      ],
      { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } },
    );
    if (!run.stderr.includes('verify OK')) throw new Error(`openssl: ${run.stderr}`);
    return run.stdout;
  });
}

/** What GnuTLS' `certtool --crl-info` prints, after `--verify-crl`. @throws Error when it does not verify. */
export function readByCerttool(der: Uint8Array, issuer: SoftwareIssuer): string {
  return withFiles(der, issuer, (crl, ca) => {
    const env = { ...process.env, TZ: 'UTC' };
    const verdict = spawnSync(
      'certtool',
      ['--verify-crl', '--load-ca-certificate', ca.der, '--inder', '--infile', crl],
      { encoding: 'utf8', env },
    );
    const said = verdict.stdout + verdict.stderr;
    if (!/Verification output: Verified/.test(said)) throw new Error(`certtool: ${said}`);
    return execFileSync('certtool', ['--crl-info', '--inder', '--infile', crl], {
      encoding: 'utf8',
      env,
    });
  });
}
