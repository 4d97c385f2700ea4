import { ChanceryError, type SigningPurpose } from '../domain/index.ts';
import type { KeyBinding } from '../keys/ports.ts';
import {
  findExtension,
  oids,
  type ParsedTbsCertificate,
  parseBasicConstraints,
  parseCertificationRequestInfo,
  parseExtendedKeyUsage,
  parseResponseData,
  parseTbsCertificate,
  parseTbsCertList,
  readTbsCertListHead,
  signatureAlgorithms,
  type TbsCertListHead,
} from '../pkix/index.ts';
import { fitsPurpose } from './outer-structure.ts';

/** Whether two octet strings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/**
 * Why a key may not sign these octets under this purpose; undefined when it may.
 *
 * Each X.509 structure is parsed strictly, as lint does it, and compared with the key's own record:
 * the issuer's Name byte for byte, the inner AlgorithmIdentifier, in pre-activation and in the scope
 * `status` what the structure certifies. Under the other purposes nothing is signed that outwardly
 * looks like one of these, so that no signature can be passed off as another.
 */
export function contentRefusal(
  purpose: SigningPurpose,
  bytes: Uint8Array,
  binding: KeyBinding,
): string | undefined {
  if (!fitsPurpose(purpose, bytes)) {
    return `the bytes do not have the outer structure of the purpose ${purpose}`;
  }
  switch (purpose) {
    case 'certificate':
      return refusalOf(() => certificateRefusal(parseTbsCertificate(bytes), binding));
    case 'crl':
      return refusalOf(() => listRefusal(parseTbsCertList(bytes), binding));
    case 'certificationRequest':
      return refusalOf(() => requestRefusal(bytes, binding));
    case 'ocspResponse':
      return refusalOf(() => responseRefusal(bytes, binding));
    case 'checkpoint':
    case 'trustMetadata':
    case 'transcript':
    case 'notice':
    case 'selfTest':
      return undefined;
    default:
      return purpose satisfies never;
  }
}

/** As `contentRefusal` for a CRL that comes in chunks: its head, which is all of it but entries and extensions. */
export function headRefusal(
  start: Uint8Array,
  octets: number,
  binding: KeyBinding,
): string | undefined {
  return refusalOf(() => listRefusal(readTbsCertListHead(start, octets), binding));
}

function refusalOf(judge: () => string | undefined): string | undefined {
  try {
    return judge();
  } catch (error) {
    if (error instanceof ChanceryError) return error.message;
    throw error;
  }
}

function isOwnKey(spki: Uint8Array, binding: KeyBinding): boolean {
  return sameBytes(spki, binding.subjectPublicKeyInfo);
}

/** What certificates and CRLs have in common: whose they are, and signed how. */
function issuedRefusal(
  {
    version,
    issuer,
    tbsSignature,
  }: Pick<TbsCertListHead, 'issuer' | 'tbsSignature'> & {
    readonly version: number;
  },
  wantedVersion: number,
  { algorithm, life }: KeyBinding,
): string | undefined {
  if (version !== wantedVersion) return `version ${version} instead of ${wantedVersion}`;
  if (life.issuerName === undefined) return 'no issuer is bound to it';
  if (!sameBytes(issuer.der, life.issuerName)) {
    return 'what is to be signed names another issuer than the one whose key it is';
  }
  if (!sameBytes(tbsSignature.der, signatureAlgorithms[algorithm].identifier.der)) {
    return `what is to be signed names another algorithm than ${algorithm}`;
  }
  return undefined;
}

function certificateRefusal(tbs: ParsedTbsCertificate, binding: KeyBinding): string | undefined {
  const refusal = issuedRefusal(tbs, 3, binding);
  if (refusal !== undefined) return refusal;
  if (binding.life.state === 'pre-activation') {
    const own =
      sameBytes(tbs.subject.der, tbs.issuer.der) && isOwnKey(tbs.subjectPublicKeyInfo.der, binding);
    return own
      ? undefined
      : "before activation it signs no certificate but its issuer's own, of its own public key";
  }
  return binding.life.scope === 'status' && !isDelegate(tbs)
    ? 'its issuer retires: of certificates it signs those of OCSP delegates alone'
    : undefined;
}

/** An OCSP delegate's certificate (RFC 6960 §4.2.2.2): OCSPSigning and no other purpose, no CA. */
function isDelegate({ extensions }: ParsedTbsCertificate): boolean {
  const usage = findExtension(extensions, oids.extendedKeyUsage);
  const purposes = usage === undefined ? [] : parseExtendedKeyUsage(usage.value);
  const constraints = findExtension(extensions, oids.basicConstraints);
  const cA = constraints !== undefined && parseBasicConstraints(constraints.value).cA;
  return purposes.length === 1 && purposes[0] === oids.ocspSigning && !cA;
}

function listRefusal(list: TbsCertListHead, binding: KeyBinding): string | undefined {
  const refusal = issuedRefusal(list, 2, binding);
  if (refusal !== undefined) return refusal;
  return list.nextUpdate === undefined ? 'a CRL without nextUpdate (RFC 5280 §5.1.2.5)' : undefined;
}

function requestRefusal(bytes: Uint8Array, binding: KeyBinding): string | undefined {
  const { subjectPublicKeyInfo } = parseCertificationRequestInfo(bytes);
  return isOwnKey(subjectPublicKeyInfo.der, binding)
    ? undefined
    : 'a certification request proves the possession of its own key, and this one names another';
}

function responseRefusal(bytes: Uint8Array, binding: KeyBinding): string | undefined {
  const { responderID } = parseResponseData(bytes);
  // The KeyHash is the key identifier of RFC 5280 §4.2.1.2 (1), which is our keyId.
  const fits =
    responderID.type === 'byName' ||
    sameBytes(responderID.keyHash, Buffer.from(binding.keyId, 'hex'));
  return fits ? undefined : 'the response names the key of another responder';
}
