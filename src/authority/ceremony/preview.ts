import { isChanceryError, type Violation } from '../../domain/index.ts';
import { prepareCertificate } from '../../issuance/index.ts';
import {
  type Certificate,
  findExtension,
  formatDistinguishedName,
  keyAlgorithmOf,
  oids,
  resolveSignatureAlgorithm,
  type SubjectPublicKeyInfo,
  type TbsCertificate,
} from '../../pkix/index.ts';
import type { CaParameters, CertificateRequestInput, Profile } from '../../policy/index.ts';
import type { AuthorityDependencies } from '../dependencies.ts';
import { checkOrder, type IssuanceOrder, longestValidity } from '../issuance-core.ts';
import { sha256 } from '../octets.ts';
import type { PlannedCertificate, PlannedExtension } from './plan.ts';

/** A certificate that is to be made, over a key that may not exist yet. */
export interface PreviewOrder {
  readonly issuer: IssuanceOrder['issuer'];
  readonly profile: Profile;
  readonly request: CertificateRequestInput;
  readonly caParameters?: CaParameters | undefined;
}

export type Preview =
  | { readonly ok: true; readonly fields: PlannedCertificate }
  | { readonly ok: false; readonly violations: readonly Violation[] };

/** Stands for a serial number, which is drawn when the certificate is made. */
const sampleSerialNumber = '4a6f70c1e2d3b4a5968778695a4b3c2d';
const byTheKey = 'decided by the new key';
const bySerialNumber = 'decided by the serial number (CRL shard)';

/**
 * What the certificate will say: the profile applied, the bytes encoded and linted as at the issuance,
 * nothing signed. What two keys in the same place would decide differently is left open.
 *
 * @param orders the same order over one key that exists, or over two placeholders
 */
export function previewCertificate(
  dependencies: AuthorityDependencies,
  orders: readonly PreviewOrder[],
): Preview {
  try {
    const all = orders.map((order) => tbsOf(dependencies, order));
    const [first, second] = all;
    const [order] = orders;
    if (first === undefined || order === undefined) throw new TypeError('nothing to preview');
    const exists = second === undefined;
    const sharded = order.issuer.sharding.open.length > 1;
    return {
      ok: true,
      fields: fieldsOf({ ...first, signatureName: first.signature.name }, exists, (extension) => {
        if (sharded && extension.oid === oids.cRLDistributionPoints) return bySerialNumber;
        const other = second && findExtension(second.extensions, extension.oid)?.value;
        const value = hex(extension.value);
        return other === undefined || hex(other) === value ? value : byTheKey;
      }),
    };
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    const violations =
      error.violations.length > 0
        ? error.violations
        : [
            {
              rule: error.code,
              field: error.field ?? 'certificate',
              message: error.message,
              clause: error.clause ?? 'RFC 5280 §4',
            },
          ];
    return { ok: false, violations };
  }
}

function tbsOf(dependencies: AuthorityDependencies, order: PreviewOrder): TbsCertificate {
  const { tbs } = checkOrder(dependencies, order, sampleSerialNumber);
  const { profile, issuer } = order;
  prepareCertificate({
    tbs,
    issuer: issuer.signing,
    type: issuer.signing.certificate === undefined ? 'root' : profile.type,
    profile: {
      name: profile.name,
      maxValiditySeconds: longestValidity(profile),
      shortLived: profile.noRevAvail !== 'refused',
    },
    urls: issuer.input.urls,
  });
  return tbs;
}

type Fields = Pick<
  TbsCertificate,
  'issuer' | 'subject' | 'validity' | 'subjectPublicKeyInfo' | 'extensions'
> & { readonly signatureName: string };

function fieldsOf(
  fields: Fields,
  keyExists: boolean,
  valueOf: (extension: TbsCertificate['extensions'][number]) => string,
): PlannedCertificate {
  const { notBefore, notAfter } = fields.validity;
  const key = fields.subjectPublicKeyInfo;
  return {
    signature: fields.signatureName,
    issuer: formatDistinguishedName(fields.issuer),
    subject: formatDistinguishedName(fields.subject),
    validitySeconds: (notAfter.getTime() - notBefore.getTime()) / 1000 + 1,
    spkiSha256: keyExists ? sha256(key.der) : null,
    keyAlgorithm: keyNameOf(key),
    extensions: fields.extensions.map(
      (extension): PlannedExtension => ({
        oid: extension.oid,
        critical: extension.critical,
        value: valueOf(extension),
      }),
    ),
  };
}

/** What of a made certificate is not what was planned; empty when all is. */
export function differsFromPlan(planned: PlannedCertificate, made: Certificate): readonly string[] {
  const is = fieldsOf(
    {
      ...made,
      signatureName: resolveSignatureAlgorithm(made.signatureAlgorithm)?.name ?? 'unknown',
    },
    planned.spkiSha256 !== null,
    ({ value }) => hex(value),
  );
  const open = new Set([byTheKey, bySerialNumber]);
  const rows: (readonly [string, unknown, unknown])[] = [
    ['signature', planned.signature, is.signature],
    ['issuer', planned.issuer, is.issuer],
    ['subject', planned.subject, is.subject],
    ['validity', planned.validitySeconds, is.validitySeconds],
    ['subjectPublicKeyInfo', planned.spkiSha256, is.spkiSha256],
    ['key', planned.keyAlgorithm, is.keyAlgorithm],
    [
      'extensions',
      planned.extensions.map(({ oid }) => oid).join(),
      is.extensions.map(({ oid }) => oid).join(),
    ],
  ];
  for (const [index, extension] of planned.extensions.entries()) {
    const other = is.extensions[index];
    rows.push([`${extension.oid} critical`, extension.critical, other?.critical]);
    if (!open.has(extension.value)) rows.push([extension.oid, extension.value, other?.value]);
  }
  return rows
    .filter(([, expected, found]) => expected !== found)
    .map(
      ([what, expected, found]) => `${what}: planned ${String(expected)}, made ${String(found)}`,
    );
}

export function keyNameOf(key: SubjectPublicKeyInfo): string {
  return keyAlgorithmOf(key) ?? key.algorithm.oid;
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}
