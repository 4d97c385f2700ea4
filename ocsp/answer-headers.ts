/** Content-Type of an answer (RFC 6960 A.2). */
export const responseType = 'application/ocsp-response';

/** An answer with less time than this left is not given any more, in milliseconds. */
export const leastRest = 2000;

/** What the header fields of an answer say; times are milliseconds since 1970. */
export interface Validators {
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Quoted. */
  readonly etag: string;
}

/** RFC 9919 §7.2; Date is written by the server. max-age ends before nextUpdate. */
export function validatorFields(answer: Validators, now: number, maxAgeSeconds: number): string[] {
  const rest = Math.floor((answer.nextUpdate - leastRest - now) / 1000);
  const maxAge = Math.max(0, Math.min(maxAgeSeconds, rest));
  return [
    'Last-Modified',
    httpDate(answer.thisUpdate),
    'Expires',
    httpDate(answer.nextUpdate),
    'ETag',
    answer.etag,
    'Cache-Control',
    cacheControl(maxAge),
  ];
}

let lastControl = { maxAge: -1, text: '' };

function cacheControl(maxAge: number): string {
  if (lastControl.maxAge !== maxAge) {
    lastControl = {
      maxAge,
      text: `max-age=${maxAge}, public, no-transform, must-revalidate`,
    };
  }
  return lastControl.text;
}

/** Renderings by their second, modulo their number: answers of an hour begin and end in 7,200 of them. */
const renderings = 8192;
const renderedSeconds = new Float64Array(renderings).fill(-1);
const renderedTexts: string[] = Array.from({ length: renderings }, () => '');

/** IMF-fixdate (RFC 9110 §5.6.7) of milliseconds since 1970; each second is rendered once. */
export function httpDate(time: number): string {
  const second = Math.floor(time / 1000);
  const place = ((second % renderings) + renderings) % renderings;
  if (renderedSeconds[place] !== second) {
    renderedSeconds[place] = second;
    renderedTexts[place] = new Date(second * 1000).toUTCString();
  }
  return renderedTexts[place] ?? '';
}
