import { isChanceryError } from '../../domain/index.ts';
import { type Certificate, parseCertificate } from '../../pkix/index.ts';

/** The octets, when the text is how base64 writes them (RFC 4648 §3.5: no stray bits at the end). */
export function octetsOf(text: string): Uint8Array | undefined {
  const octets = Buffer.from(text, 'base64');
  return octets.toString('base64') === text ? octets : undefined;
}

/** A certificate that a transcript holds. @throws ChanceryError malformed */
export function certificateIn(text: string): Certificate {
  return parseCertificate(octetsOf(text) ?? new Uint8Array());
}

/** Why reading failed, without what an internal error would tell. */
export function reasonOf(error: unknown): string {
  return isChanceryError(error) ? error.message : 'it is malformed';
}
