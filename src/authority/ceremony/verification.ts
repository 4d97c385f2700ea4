import { canonicalize } from '../../audit/index.ts';
import {
  type Certificate,
  importVerificationKey,
  parseSubjectPublicKeyInfo,
  type SignatureAlgorithmName,
  signatureAlgorithms,
  verifySignature,
} from '../../pkix/index.ts';
import { sha256 } from '../octets.ts';
import { octetsOf, reasonOf } from './embedded.ts';
import { parseCeremony } from './parse.ts';
import { participantsOf } from './people.ts';
import {
  type BeginLine,
  type EndLine,
  type MadeLine,
  type SignatureLine,
  type TranscriptKeyLine,
  type TranscriptLine,
  transcriptLine,
} from './transcript-lines.ts';
import { checkMade } from './verification-made.ts';
import { checkPeople } from './verification-people.ts';
import { checkPlanned } from './verification-planned.ts';

/** What the reader of a transcript holds to be true beforehand. */
export interface TranscriptTrust {
  /** Certificates that what was made must lead to; empty: not compared. */
  readonly anchors: readonly Certificate[];
  /** DER SubjectPublicKeyInfos of keys that sign transcripts; empty: not compared. */
  readonly keys: readonly Uint8Array[];
}

/** What a transcript proves, and what is wrong with it. */
export interface TranscriptVerdict {
  /** No problem was found. An aborted ceremony has a valid transcript too. */
  readonly valid: boolean;
  readonly problems: readonly string[];
  /** True of a valid transcript, and worth knowing. */
  readonly remarks: readonly string[];
  /** Of all its octets. */
  readonly sha256: string;
  readonly ceremony?: {
    readonly name: string;
    readonly kind: string;
    readonly purpose: string;
    readonly sha256: string;
    readonly planSha256: string;
    readonly participants: BeginLine['participants'];
    readonly beganAt: string;
    readonly endedAt?: string | undefined;
    readonly outcome?: 'completed' | 'aborted' | undefined;
    readonly reason?: string | undefined;
  };
  readonly signedBy?: { readonly spkiSha256: string; readonly trusted: boolean };
  readonly made: readonly Pick<MadeLine, 'what' | 'name' | 'sha256'>[];
}

/** Larger transcripts are refused unread. */
const largestTranscript = 64 * 1024 * 1024;
const linesAtMost = 10_000;

/**
 * Checks a transcript from its octets alone (pure, offline): its form, the chain of its steps, its
 * signature, that hashes are those of what it holds, that certificates and CRLs are signed by those above
 * them and are what was planned, and that everybody who was declared took part. Never throws.
 */
export function verifyTranscript(octets: Uint8Array, trust: TranscriptTrust): TranscriptVerdict {
  const digest = sha256(octets);
  const nothing = { remarks: [], sha256: digest, made: [] };
  const read = readLines(octets);
  if (typeof read === 'string') {
    return { ...nothing, valid: false, problems: [read] };
  }
  const { lines, texts } = read;
  const parts = partsOf(lines);
  if (typeof parts === 'string') {
    return { ...nothing, valid: false, problems: [parts] };
  }
  const { begin, end, key, signature } = parts;
  const made = lines.filter((line) => line.kind === 'made');
  const problems: string[] = [
    ...checkChain(lines, texts),
    ...checkSignature(octets, texts, key, signature),
    ...checkBegin(begin),
    ...checkPeople(lines, begin, end),
    ...checkMade(made, trust.anchors),
    ...checkPlanned(begin, end, made),
    ...checkEnd(end, made),
  ];
  const spki = Buffer.from(key.subjectPublicKeyInfo, 'base64');
  const trusted = trust.keys.some((one) => Buffer.compare(one, spki) === 0);
  if (trust.keys.length > 0 && !trusted) {
    problems.push(`it is signed by key ${key.spkiSha256}, which is none of those that are trusted`);
  }
  return {
    valid: problems.length === 0,
    problems,
    remarks: remarksOf(begin, end, trust),
    sha256: digest,
    ceremony: {
      name: begin.ceremony.name,
      kind: begin.ceremony.kind,
      purpose: begin.ceremony.purpose,
      sha256: begin.ceremony.sha256,
      planSha256: begin.planSha256,
      participants: begin.participants,
      beganAt: begin.at,
      endedAt: end.at,
      outcome: end.outcome,
      reason: end.reason,
    },
    signedBy: { spkiSha256: key.spkiSha256, trusted },
    made: made.map(({ what, name, sha256: hash }) => ({ what, name, sha256: hash })),
  };
}

interface ReadLines {
  readonly lines: readonly TranscriptLine[];
  readonly texts: readonly string[];
}

/** Each line as it must be written: canonical JSON of a known kind, ended by one line feed. */
function readLines(octets: Uint8Array): ReadLines | string {
  if (octets.length > largestTranscript) return 'it is larger than 64 MiB';
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return 'it is not UTF-8 text';
  }
  if (!text.endsWith('\n')) return 'its last line is not ended: a part is missing';
  const texts = text.slice(0, -1).split('\n');
  if (texts.length > linesAtMost) return `it has more than ${linesAtMost} lines`;
  const lines: TranscriptLine[] = [];
  for (const [index, one] of texts.entries()) {
    const line = readLine(one);
    if (line === undefined) {
      return `line ${index + 1} is no step of a transcript in canonical JSON (RFC 8785)`;
    }
    lines.push(line);
  }
  return { lines, texts };
}

function readLine(text: string): TranscriptLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // Whatever JSON would read alike has one spelling only.
    return canonicalize(value) === text ? transcriptLine.parse(value) : undefined;
  } catch {
    return undefined;
  }
}

interface Parts {
  readonly begin: BeginLine;
  readonly end: EndLine;
  readonly key: TranscriptKeyLine;
  readonly signature: SignatureLine;
}

/** begin, steps, end, transcriptKey, signature: each once, in this order. */
function partsOf(lines: readonly TranscriptLine[]): Parts | string {
  const begin = lines[0];
  const [end, key, signature] = lines.slice(-3);
  if (begin?.kind !== 'begin') return 'it does not begin with what the ceremony is';
  if (signature?.kind !== 'signature')
    return 'it is not signed: the ceremony did not come to its end';
  if (key?.kind !== 'transcriptKey' || end?.kind !== 'end') {
    return 'it does not end with an outcome and the key that signs it';
  }
  const between = lines.slice(1, -3);
  if (between.some(({ kind }) => ['begin', 'end', 'transcriptKey', 'signature'].includes(kind))) {
    return 'it holds more than one ceremony';
  }
  return { begin, end, key, signature };
}

function checkChain(lines: readonly TranscriptLine[], texts: readonly string[]): string[] {
  const problems: string[] = [];
  let previous = '';
  let before = '';
  for (const [index, line] of lines.entries()) {
    if (line.number !== index || line.previous !== previous) {
      problems.push(
        `line ${index + 1} does not follow the one before: a step is missing or changed`,
      );
    }
    if ('at' in line) {
      if (before !== '' && Date.parse(line.at) < Date.parse(before)) {
        problems.push(`line ${index + 1} is dated before the one above it`);
      }
      before = line.at;
    }
    previous = sha256(texts[index] ?? '');
  }
  return problems;
}

function checkSignature(
  octets: Uint8Array,
  texts: readonly string[],
  key: TranscriptKeyLine,
  { algorithm, value }: SignatureLine,
): string[] {
  try {
    const spkiDer = octetsOf(key.subjectPublicKeyInfo);
    const signature = octetsOf(value);
    if (spkiDer === undefined || signature === undefined) {
      return ['the key or the signature is not written as base64 is'];
    }
    const spki = parseSubjectPublicKeyInfo(spkiDer);
    const found = Object.hasOwn(signatureAlgorithms, algorithm)
      ? signatureAlgorithms[algorithm as SignatureAlgorithmName]
      : undefined;
    if (found === undefined || algorithm !== key.algorithm || spki.key.type !== found.keyType) {
      return [`it is signed with ${algorithm}, which its key does not do`];
    }
    if (sha256(spkiDer) !== key.spkiSha256) {
      return ["the hash of the transcript's key is not that of the key"];
    }
    const last = Buffer.byteLength(texts.at(-1) ?? '') + 1;
    const signed = octets.subarray(0, octets.length - last);
    return verifySignature(found, importVerificationKey(spki), signed, signature)
      ? []
      : ['its signature does not verify: it was changed after it was signed'];
  } catch (error) {
    return [`its signature can't be read: ${reasonOf(error)}`];
  }
}

function checkBegin({ ceremony, plan, planSha256, software, participants }: BeginLine): string[] {
  const problems: string[] = [];
  const file = octetsOf(ceremony.file);
  if (file === undefined || sha256(file) !== ceremony.sha256) {
    problems.push("the hash of the ceremony's file is not that of the file");
  } else {
    try {
      const { declaration } = parseCeremony(file, "the ceremony's file");
      if (declaration.ceremony !== ceremony.kind || declaration.name !== ceremony.name) {
        problems.push("the ceremony's file declares another ceremony");
      }
      if (canonicalize(participantsOf(declaration)) !== canonicalize(participants)) {
        problems.push("the ceremony's file declares other participants");
      }
    } catch (error) {
      problems.push(reasonOf(error));
    }
  }
  if (sha256(canonicalize(plan)) !== planSha256) {
    problems.push('the hash of the plan is not that of the plan');
  }
  const shown = [
    [
      'ceremony',
      {
        name: ceremony.name,
        kind: ceremony.kind,
        purpose: ceremony.purpose,
        sha256: ceremony.sha256,
      },
    ],
    ['software', software],
    ['participants', participants],
  ] as const;
  for (const [member, value] of shown) {
    if (canonicalize(plan[member] ?? null) !== canonicalize(value)) {
      problems.push(`the plan has another ${member} than the transcript`);
    }
  }
  return problems;
}

function checkEnd(end: EndLine, made: readonly MadeLine[]): string[] {
  const problems =
    end.made.join() === made.map(({ sha256: hash }) => hash).join()
      ? []
      : ['what it says was made at the end is not what its steps say'];
  if (end.outcome === 'aborted' && end.reason === undefined) {
    problems.push('it was aborted and does not say why');
  }
  return problems;
}

function remarksOf(begin: BeginLine, end: EndLine, trust: TranscriptTrust): string[] {
  const remarks: string[] = [];
  if (begin.answers.from === 'file') {
    remarks.push('its answers came from a file: nobody typed them (a rehearsal, or a test)');
  }
  if (end.outcome === 'aborted') {
    remarks.push(`the ceremony was aborted: ${end.reason ?? ''}`);
  }
  if (trust.keys.length === 0) {
    remarks.push('the key that signed it was compared with none: give its public key with --trust');
  }
  if (trust.anchors.length === 0) {
    remarks.push('what was made was compared with no trust anchor: give one with --trust');
  }
  return remarks;
}
