/** Strict, total DER (X.690): knows tags, nothing of X.509. */
export type { ElementHeader } from './element-header.ts';
export { readHeader } from './element-header.ts';
export { DerError } from './error.ts';
export type { DerLimits } from './read-der.ts';
export { checkDer, readDer } from './read-der.ts';
export type { BitString, DerElement } from './reader.ts';
export { DerReader } from './reader.ts';
export type { StringStrictness } from './strings.ts';
export { decodeString, isIa5String, isPrintableString, isStringTag } from './strings.ts';
export { contextPrimitive, tags } from './tags.ts';
export { fitsUtcTime, writeTime } from './time.ts';
export {
  bitString,
  boolean,
  characterString,
  concat,
  type DerNode,
  element,
  enumerated,
  explicit,
  generalizedTime,
  header,
  headerSize,
  ia5String,
  implicit,
  integer,
  namedBits,
  node,
  nullValue,
  octetString,
  oid,
  printableString,
  render,
  sequence,
  set,
  setOf,
  time,
  utcTime,
  utf8String,
  writeHeader,
} from './writer.ts';
