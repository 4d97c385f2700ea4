import { createHash } from 'node:crypto';
import type { CeremonyFile, MadeThing } from '../../../src/authority/index.ts';
import { isChanceryError } from '../../../src/domain/index.ts';
import { encodePem } from '../../../src/pkix/index.ts';
import { CommandError } from '../exit.ts';

/** A file that a ceremony leaves, beside its transcript. */
export interface Output {
  /** As it stands in the ceremony's file. */
  readonly path: string;
  /** Undefined while nothing of the kind was made. */
  readonly content: string | Uint8Array | undefined;
}

/** The files that a ceremony's `out` names: certificate and chain as PEM, a CRL as DER. */
export function outputsOf(
  { declaration }: CeremonyFile,
  made: readonly MadeThing[] = [],
): readonly Output[] {
  if (!('out' in declaration)) return [];
  const { out } = declaration;
  const outputs: Output[] = [];
  const certificate = made.find(({ what }) => what === 'certificate');
  if ('certificate' in out && out.certificate !== undefined) {
    outputs.push({ path: out.certificate, content: certificate && pem([certificate.der]) });
  }
  if ('chain' in out && out.chain !== undefined) {
    const chain = certificate && [certificate.der, ...(certificate.chain ?? [])];
    outputs.push({ path: out.chain, content: chain && pem(chain) });
  }
  if ('crl' in out && out.crl !== undefined) {
    const der = made.find(({ what }) => what === 'crl')?.der;
    outputs.push({ path: out.crl, content: der && Buffer.from(der, 'base64') });
  }
  return outputs;
}

function pem(chain: readonly (string | undefined)[]): string {
  return chain.map((der) => encodePem('CERTIFICATE', Buffer.from(der ?? '', 'base64'))).join('');
}

/** Lower-case hex SHA-256. */
export function hashOf(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** `20270131T090000Z`: a time in a file's name. */
export function fileTime(time: Date): string {
  return time.toISOString().replace(/[-:]|\.\d+/g, '');
}

/** What may be said of a failure, on the screen and in the transcript. */
export function reasonOf(error: unknown): string {
  return error instanceof CommandError || isChanceryError(error)
    ? error.message
    : error instanceof Error
      ? `internal error (${error.name})`
      : 'internal error';
}
