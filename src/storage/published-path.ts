import { ChanceryError } from '../domain/index.ts';

/** One segment: no dot in front, so neither `..` nor a temporary file can be named. */
export const segment = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/;

/** The names between the slashes. @throws ChanceryError invalidArgument when one is no plain name */
export function segmentsOf(path: string): readonly string[] {
  const parts = path.split('/');
  if (!parts.every((part) => segment.test(part))) {
    throw new ChanceryError('invalidArgument', {
      message: `${JSON.stringify(path.slice(0, 200))} can't be published: a path is names of letters, digits, ., _ and -, with / between them`,
      field: 'path',
    });
  }
  return parts;
}

/** The path itself, once it is known to be plain names. */
export function checkedPath(path: string): string {
  return segmentsOf(path).join('/');
}

/** `crl/` of `crl` and `crl/`; empty for all. */
export function listingPrefix(prefix: string): string {
  const start = prefix.replace(/\/$/, '');
  return start === '' ? '' : `${checkedPath(start)}/`;
}

export function replacedMeanwhile(path: string): ChanceryError {
  return new ChanceryError('storeConflict', {
    message: `${path} was replaced by another writer meanwhile; read it again`,
    retryAfter: 1,
  });
}
