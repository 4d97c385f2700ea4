import { readFile } from 'node:fs/promises';
import type { ForeignConfiguration } from '../../src/config/index.ts';
import { ChanceryError } from '../../src/domain/index.ts';
import {
  type Certificate,
  decodePem,
  parseCertificate,
  verifyChain,
} from '../../src/pkix/index.ts';
import { ForeignAuthorities, type ForeignAuthoritiesOptions } from './foreign-authorities.ts';

/**
 * Reads the certificates of the configured CAs, takes the CRLs that are kept and begins to fetch.
 *
 * @returns undefined when none is configured
 * @throws ChanceryError `configuration` for a certificate that can't be read, or two of one key
 */
export async function startForeign(
  configured: readonly ForeignConfiguration[],
  options: Omit<ForeignAuthoritiesOptions, 'authorities'>,
): Promise<ForeignAuthorities | undefined> {
  if (configured.length === 0) return undefined;
  const authorities = await Promise.all(
    configured.map(async ({ certificateFile, ...one }) => ({
      ...one,
      certificate: await readCertificate(one.name, certificateFile),
    })),
  );
  const foreign = new ForeignAuthorities({ ...options, authorities });
  await foreign.start();
  return foreign;
}

async function readCertificate(name: string, file: string): Promise<Certificate> {
  try {
    const octets = await readFile(file);
    const [block] = octets.includes('-----BEGIN')
      ? decodePem(octets.toString('latin1'), 'CERTIFICATE', { surroundingText: true })
      : [{ der: new Uint8Array(octets) }];
    const certificate = parseCertificate(block?.der ?? new Uint8Array(0));
    // Its validity is not looked at: a CA that has ended may still have certificates to answer for.
    const [wrong] = verifyChain([certificate]);
    if (wrong !== undefined) throw new Error(wrong.message);
    return certificate;
  } catch (cause) {
    throw new ChanceryError('configuration', {
      message: `ocsp.foreign.${name}.certificate: ${file} can't be read as a certificate: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}
