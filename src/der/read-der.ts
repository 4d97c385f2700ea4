import { DerError } from './error.ts';
import { DerReader } from './reader.ts';

/** Caps that make reading total: what exceeds them is an error, whatever it holds. */
export interface DerLimits {
  /** Nesting of constructed elements; default 32. */
  readonly maxDepth?: number | undefined;
  /** Octets of the whole input; default 1 MiB. */
  readonly maxSize?: number | undefined;
}

const defaultMaxDepth = 32;
const defaultMaxSize = 1 << 20;

/**
 * A reader over exactly one element that fills `bytes`.
 *
 * @throws DerError when the input is larger than `maxSize`, holds no element, or more than one.
 */
export function readDer(bytes: Uint8Array, limits: DerLimits = {}): DerReader {
  const maxSize = limits.maxSize ?? defaultMaxSize;
  if (bytes.length > maxSize) throw new DerError(`larger than ${maxSize} octets`, 0);
  const depth = limits.maxDepth ?? defaultMaxDepth;
  const probe = new DerReader(bytes, 0, bytes.length, depth);
  probe.raw();
  probe.end();
  return new DerReader(bytes, 0, bytes.length, depth);
}

/**
 * Walks one element to its last leaf: every header, and the content of every universal type
 * except character strings and times. For what is kept without being interpreted (ANY values).
 *
 * @throws DerError when anything in it is not DER.
 */
export function checkDer(bytes: Uint8Array, limits: DerLimits = {}): void {
  readDer(bytes, limits).checkRest();
}
