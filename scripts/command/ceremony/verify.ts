import { readFileSync } from 'node:fs';
import {
  type TranscriptTrust,
  type TranscriptVerdict,
  verifyTranscript,
} from '../../../src/authority/index.ts';
import { type Certificate, decodePem, parseCertificate } from '../../../src/pkix/index.ts';
import { usageError } from '../exit.ts';
import { grouped } from './plan-text.ts';

/** Checks a transcript from its file and the trust given alone: no configuration, database or token. */
export function verifyFile(file: string, trustFiles: readonly string[]): TranscriptVerdict {
  return verifyTranscript(readFileSync(file), trustOf(trustFiles));
}

/** PEM files with certificates (trust anchors) and public keys (of those that sign transcripts). */
function trustOf(files: readonly string[]): TranscriptTrust {
  const anchors: Certificate[] = [];
  const keys: Uint8Array[] = [];
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    const before = anchors.length + keys.length;
    if (text.includes('BEGIN CERTIFICATE')) {
      anchors.push(...decodePem(text, 'CERTIFICATE').map(({ der }) => parseCertificate(der)));
    }
    if (text.includes('BEGIN PUBLIC KEY')) {
      keys.push(...decodePem(text, 'PUBLIC KEY').map(({ der }) => der));
    }
    if (anchors.length + keys.length === before) {
      throw usageError(`${file} holds no CERTIFICATE and no PUBLIC KEY in PEM`);
    }
  }
  return { anchors, keys };
}

/** Anybody can write a transcript that holds together: only a key that is trusted says whose it is. */
function conclusionOf({ valid, signedBy }: TranscriptVerdict): string {
  if (!valid) return 'the transcript is NOT valid';
  return signedBy?.trusted === true
    ? 'the transcript is valid'
    : 'the transcript holds together; whose it is was not checked';
}

/** A verdict as people read it. */
export function verdictText(verdict: TranscriptVerdict): readonly string[] {
  const { ceremony, signedBy } = verdict;
  return [
    ...(ceremony === undefined
      ? []
      : [
          `ceremony ${ceremony.name} (${ceremony.kind}): ${ceremony.purpose}`,
          `  file         SHA-256 ${ceremony.sha256}`,
          `  plan         SHA-256 ${ceremony.planSha256}`,
          `  held         ${ceremony.beganAt} to ${ceremony.endedAt ?? '?'}: ${ceremony.outcome ?? '?'}`,
          ...ceremony.participants.map(({ name, part }) => `  ${part.padEnd(12)} ${name}`),
          ...verdict.made.map(
            ({ what, name, sha256 }) => `  made         ${what} ${name} ${sha256}`,
          ),
        ]),
    ...(signedBy === undefined
      ? []
      : [
          `signed by key SHA-256 ${grouped(signedBy.spkiSha256)}${signedBy.trusted ? ', which is trusted' : ''}`,
        ]),
    `transcript SHA-256 ${grouped(verdict.sha256)}`,
    ...verdict.remarks.map((remark) => `note: ${remark}`),
    ...verdict.problems.map((problem) => `REFUSED: ${problem}`),
    conclusionOf(verdict),
  ];
}
