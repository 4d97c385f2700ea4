import { ChanceryError } from '../../domain/index.ts';
import {
  type Certificate,
  decodePem,
  defaultSignatureAlgorithm,
  formatDistinguishedName,
  importVerificationKey,
  keyIdentifier,
  type Name,
  parseCertificate,
  parseDistinguishedName,
  resolveSignatureAlgorithm,
  type SubjectPublicKeyInfo,
  verifySignature,
} from '../../pkix/index.ts';
import { type Profile, requestFromParameters } from '../../policy/index.ts';
import { readCsr } from '../certificates.ts';
import type { LoadedIssuer } from '../loaded-issuers.ts';
import { sha256 } from '../octets.ts';
import { caPath } from '../published-paths.ts';
import { responderSubject } from '../responders.ts';
import type { CeremonyDeclaration, NewIssuerDeclaration } from './declaration.ts';
import type { Planning } from './planning.ts';
import type { PreviewOrder } from './preview.ts';

type Foreign = Extract<
  CeremonyDeclaration,
  { ceremony: 'intermediate' | 'cross-certificate' | 'delegate' }
>;

/** Whose certificate is asked for, with the proof that its key is held. */
export interface ForeignSubject {
  readonly subject: Name;
  readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
  /** The request, DER, of a PKCS#10 file. */
  readonly csr?: Uint8Array | undefined;
  readonly proof: string;
}

/** The order of a CA over a key of this installation, over the two placeholders in its place. */
export function newIssuerOrders(
  planning: Planning,
  declaration: NewIssuerDeclaration,
  by: LoadedIssuer | undefined,
): readonly PreviewOrder[] {
  const { settings } = planning.context.dependencies;
  const subject = parseDistinguishedName(declaration.subject);
  const profile = caProfile(
    planning,
    declaration.profile ?? (by === undefined ? 'root-ca' : 'issuing-ca'),
  );
  const signatureAlgorithm = defaultSignatureAlgorithm(
    declaration.key,
    declaration.signature ?? 'pkcs1',
  );
  const { pathLength, permitDns, excludeDns, days } = declaration;
  return planning.material.placeholders(declaration.key).map((spki): PreviewOrder => {
    const request = requestFromParameters({ subjectPublicKeyInfo: spki, subject, days });
    const caParameters = { pathLength, permitDns, excludeDns };
    if (by !== undefined) return { issuer: by, profile, request, caParameters };
    const identifier = keyIdentifier(spki);
    const issuerId = Buffer.from(identifier).toString('hex');
    const urls = {
      crl: `${settings.distributionUrl}/crl/${issuerId}/0.crl`,
      ocsp: settings.ocspUrl,
      caIssuers: `${settings.distributionUrl}/${caPath(issuerId)}`,
    };
    return {
      issuer: {
        record: { name: declaration.name, standing: 'issuing', successorId: undefined },
        signing: {
          issuerId,
          keyId: issuerId,
          signatureAlgorithm,
          publicKey: importVerificationKey(spki),
        },
        input: {
          issuerId,
          chain: [],
          signatureAlgorithm,
          urls,
          subject,
          subjectKeyIdentifier: identifier,
        },
        sharding: { scopes: 'all', open: [{ shard: 0, scope: 'all' }] },
      },
      profile,
      request,
      caParameters,
    };
  });
}

/** The order of a certificate over the key that a file brought. */
export function foreignOrder(
  planning: Planning,
  by: LoadedIssuer,
  declaration: Foreign,
): readonly PreviewOrder[] {
  const { subject, subjectPublicKeyInfo } = readForeign(planning.material, by, declaration);
  if (declaration.ceremony === 'delegate') {
    return [
      {
        issuer: by,
        profile: profileNamed(planning, 'ocsp-signing'),
        request: requestFromParameters({ subject, subjectPublicKeyInfo }),
        caParameters: { days: declaration.days },
      },
    ];
  }
  const terms =
    declaration.ceremony === 'cross-certificate' ? declaration.certificate : declaration.request;
  if (terms === undefined) return [];
  const { days, pathLength, permitDns, excludeDns } = terms;
  return [
    {
      issuer: by,
      profile: foreignProfile(planning, declaration),
      request: requestFromParameters({ subject, subjectPublicKeyInfo, days }),
      caParameters: { pathLength, permitDns, excludeDns },
    },
  ];
}

/**
 * Reads the file that a ceremony names, and refuses another one, another subject, or a key of which
 * possession is not proven.
 *
 * @throws ChanceryError malformed, badCsr, policyViolation
 */
export function readForeign(
  material: Planning['material'],
  by: LoadedIssuer,
  declaration: Foreign,
): ForeignSubject {
  if (declaration.ceremony === 'cross-certificate') {
    const { certificate } = declaration;
    const other = parseCertificate(pinned(material, certificate, 'CERTIFICATE'));
    requireSubject(other.subject, certificate.subject);
    requireSelfSigned(other);
    return {
      subject: other.subject,
      subjectPublicKeyInfo: other.subjectPublicKeyInfo,
      proof: 'self-signed certificate verified (RFC 5280 §6.1.3 (a) (1))',
    };
  }
  const { request } = declaration;
  if (request === undefined) {
    throw new ChanceryError('invalidArgument', { message: 'the ceremony names no request' });
  }
  const der = pinned(material, request, 'CERTIFICATE REQUEST');
  const csr = readCsr(der);
  const { subjectPublicKeyInfo } = csr;
  const proof = 'PKCS#10 signature verified (RFC 2986 §4.2)';
  if (declaration.ceremony === 'delegate') {
    const subject = responderSubject(by.record.name, declaration.responder);
    return { subject, subjectPublicKeyInfo, csr: der, proof };
  }
  requireSubject(csr.subject, declaration.request?.subject ?? '');
  return { subject: csr.subject, subjectPublicKeyInfo, csr: der, proof };
}

/** DER of a file in PEM or DER whose hash is the one declared. */
function pinned(
  material: Planning['material'],
  { file, sha256: expected }: { readonly file: string; readonly sha256: string },
  label: string,
): Uint8Array {
  const octets = material.file(file);
  const isPem = Buffer.from(octets.subarray(0, 4096)).includes('-----BEGIN');
  const [block] = isPem ? decodePem(Buffer.from(octets).toString('utf8'), label) : [];
  const der = isPem ? block?.der : octets;
  if (der === undefined) {
    throw new ChanceryError('malformed', { message: `${file} holds no ${label}`, field: file });
  }
  const found = sha256(der);
  if (found !== expected) {
    throw new ChanceryError('policyViolation', {
      message: `${file} has SHA-256 ${found} (of its DER), the ceremony's file says ${expected}: it is another file`,
      field: file,
    });
  }
  return der;
}

function requireSubject(found: Name, declared: string): void {
  const text = formatDistinguishedName(found);
  if (text !== declared) {
    throw new ChanceryError('policyViolation', {
      message: `the file names the subject ${text}, the ceremony's file says ${declared}`,
      field: 'subject',
      clause: 'RFC 5280 §4.1.2.6',
    });
  }
}

function requireSelfSigned({ tbsDer, signature, signatureAlgorithm, ...rest }: Certificate): void {
  const algorithm = resolveSignatureAlgorithm(signatureAlgorithm);
  const key = importVerificationKey(rest.subjectPublicKeyInfo);
  if (algorithm === undefined || !verifySignature(algorithm, key, tbsDer, signature)) {
    throw new ChanceryError('policyViolation', {
      message:
        'the certificate is not self-signed: it does not prove that its key is held; bring its CSR (ceremony: intermediate)',
      field: 'certificate',
      clause: 'RFC 2986 §4.2',
    });
  }
}

/** @throws ChanceryError configuration */
export function profileNamed({ context }: Pick<Planning, 'context'>, name: string): Profile {
  const profile = context.dependencies.profiles.get(name);
  if (profile === undefined) {
    throw new ChanceryError('configuration', {
      message: `profile ${name} is missing from the profiles folder`,
    });
  }
  return profile;
}

/** @throws ChanceryError configuration, invalidArgument for a profile that is no CA's */
function caProfile(planning: Pick<Planning, 'context'>, name: string): Profile {
  const profile = profileNamed(planning, name);
  if (profile.type !== 'ca') {
    throw new ChanceryError('invalidArgument', {
      message: `profile ${name} makes no CA certificate (its type is ${profile.type})`,
      field: 'profile',
    });
  }
  return profile;
}

/** The profile of a certificate over somebody else's CA key. */
export function foreignProfile(
  planning: Pick<Planning, 'context'>,
  declaration: Exclude<Foreign, { ceremony: 'delegate' }>,
): Profile {
  return declaration.ceremony === 'cross-certificate'
    ? caProfile(planning, declaration.certificate.profile ?? 'cross-certificate')
    : caProfile(planning, declaration.request?.profile ?? 'issuing-ca');
}
