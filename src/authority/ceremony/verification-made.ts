import { canonicalize } from '../../audit/index.ts';
import {
  type Certificate,
  importVerificationKey,
  isSelfSigned,
  namesEqual,
  parseCertificateList,
  resolveSignatureAlgorithm,
  verifyChain,
  verifySignature,
} from '../../pkix/index.ts';
import { sameBytes, sha256 } from '../octets.ts';
import { certificateIn, octetsOf, reasonOf } from './embedded.ts';
import type { MadeLine } from './transcript-lines.ts';

/** What is wrong with what a transcript says was made; empty when nothing is. */
export function checkMade(
  made: readonly MadeLine[],
  anchors: readonly Certificate[],
): readonly string[] {
  return made.flatMap((line) => {
    try {
      return problemsOf(line, anchors).map((problem) => `${line.what} ${line.name}: ${problem}`);
    } catch (error) {
      return [`${line.what} ${line.name} can't be read: ${reasonOf(error)}`];
    }
  });
}

function problemsOf(line: MadeLine, anchors: readonly Certificate[]): readonly string[] {
  switch (line.what) {
    case 'certificate':
      return certificateProblems(line, anchors);
    case 'crl':
      return crlProblems(line, anchors);
    case 'keyPair':
      return line.key === undefined || line.spkiSha256 !== line.sha256
        ? ['it does not say what key it is']
        : weaknesses(line.key.attributes);
    case 'destruction':
      return line.record === undefined || sha256(canonicalize(line.record)) !== line.sha256
        ? ['its hash is not that of its record']
        : [];
    default:
      return line.what satisfies never;
  }
}

/** SP 800-57 Part 1 §6.2.2: made in the token and never to leave it. */
const required: Readonly<Record<string, boolean>> = {
  token: true,
  private: true,
  sensitive: true,
  extractable: false,
  neverExtractable: true,
};

/** Attributes of a private key that are weaker than a ceremony accepts. */
export function weaknesses(attributes: Readonly<Record<string, boolean>>): readonly string[] {
  return Object.entries(required)
    .filter(([name, value]) => attributes[name] !== value)
    .map(([name, value]) => `its attribute ${name} is not ${value}`);
}

function certificateProblems(line: MadeLine, anchors: readonly Certificate[]): readonly string[] {
  const certificate = certificateIn(line.der ?? '');
  const above = (line.chain ?? []).map(certificateIn);
  const problems = hashProblems(line, certificate);
  if (sha256(certificate.subjectPublicKeyInfo.der) !== line.spkiSha256) {
    problems.push('the hash of its public key is another');
  }
  const path = [certificate, ...above];
  // The signature of a path's last certificate is checked with its own key, or not at all.
  if (above.length === 0 && !isSelfSigned(certificate)) {
    problems.push("its issuer's certificate is not beside it, so who signed it can't be checked");
  }
  problems.push(...verifyChain(path, new Date(line.at)).map(({ message }) => message));
  problems.push(...anchorProblems(path, anchors));
  return problems;
}

function crlProblems(line: MadeLine, anchors: readonly Certificate[]): readonly string[] {
  const list = parseCertificateList(octetsOf(line.der ?? '') ?? new Uint8Array());
  const path = (line.chain ?? []).map(certificateIn);
  const [issuer] = path;
  const problems = hashProblems(line, list);
  const algorithm = resolveSignatureAlgorithm(list.signatureAlgorithm);
  if (issuer === undefined || !namesEqual(list.issuer, issuer.subject)) {
    problems.push('its issuer is another than the certificate beside it');
  } else if (
    algorithm === undefined ||
    !verifySignature(
      algorithm,
      importVerificationKey(issuer.subjectPublicKeyInfo),
      list.tbsDer,
      list.signature,
    )
  ) {
    problems.push("its issuer's key did not sign it");
  }
  problems.push(...verifyChain(path, new Date(line.at)).map(({ message }) => message));
  problems.push(...anchorProblems(path, anchors));
  return problems;
}

function hashProblems(
  line: MadeLine,
  { der, tbsDer }: { readonly der: Uint8Array; readonly tbsDer: Uint8Array },
): string[] {
  const problems: string[] = [];
  if (sha256(der) !== line.sha256) problems.push('its hash is not that of its DER');
  if (sha256(tbsDer) !== line.tbsSha256) {
    problems.push('the hash of its TBS is not that of its TBS');
  }
  return problems;
}

function anchorProblems(
  path: readonly Certificate[],
  anchors: readonly Certificate[],
): readonly string[] {
  const last = path.at(-1);
  if (anchors.length === 0 || last === undefined) return [];
  return anchors.some(({ der }) => sameBytes(der, last.der))
    ? []
    : ['it leads to none of the trust anchors given'];
}
