/** Validators of what would be answered. */
export interface Validators {
  /** Without quotes; strong. */
  readonly etag: string;
  readonly lastModified?: Date | undefined;
}

/** The conditions that a request for a file may carry. */
export interface Conditions {
  readonly 'if-none-match'?: string | undefined;
  readonly 'if-modified-since'?: string | undefined;
}

/**
 * Whether GET or HEAD is answered 304 (RFC 9110 §13.1.2, §13.1.3, §13.2.2): tags are compared
 * weakly and, when there are any, times are not looked at. Cache-Control of the request plays no
 * part: we are the origin, so that a 304 from here is as fresh as the file (browsers' and Node's
 * fetch send no-cache with every condition of their own).
 */
export function isNotModified(conditions: Conditions, validators: Validators): boolean {
  const tags = conditions['if-none-match'];
  if (tags !== undefined) {
    return (
      tags.trim() === '*' ||
      tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${validators.etag}"`)
    );
  }
  const since = conditions['if-modified-since'];
  if (since === undefined || validators.lastModified === undefined) return false;
  // Whole seconds, as the header has them; what is no date compares false.
  return Math.floor(validators.lastModified.getTime() / 1000) * 1000 <= Date.parse(since);
}
