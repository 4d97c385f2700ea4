import { ChanceryError } from '../domain/index.ts';

/** One textual encoding: its label and the octets. */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

/** What stands around the blocks. */
export interface PemOptions {
  /** Text before, between and behind the blocks (RFC 7468 §5.2) is read over; default: refused. */
  readonly surroundingText?: boolean | undefined;
}

const maxTextLength = 8 * 1024 * 1024;

function bad(problem: string): ChanceryError {
  return new ChanceryError('malformed', {
    message: `the PEM text can't be read: ${problem}`,
    clause: 'RFC 7468 §3',
  });
}

/** One block with lines of 64 characters and a final newline (RFC 7468 §2). */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** Base64 with the one right padding and no stray bits; white space has been cut. */
function decodeBase64(text: string, label: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) {
    throw bad(`${label} holds something that is no base64`);
  }
  const octets = Buffer.from(text, 'base64');
  if (octets.toString('base64') !== text) throw bad(`${label} ends in stray bits`);
  if (octets.length === 0) throw bad(`${label} is empty`);
  return new Uint8Array(octets);
}

/** Older name of the label (RFC 7468 §7), still written by keytool. */
function canonicalLabel(label: string): string {
  return label === 'NEW CERTIFICATE REQUEST' ? 'CERTIFICATE REQUEST' : label;
}

/**
 * Reads PEM blocks in order (RFC 7468). With a `label`, only blocks of that label are returned,
 * and there must be at least one. Line lengths and line ends are free; headers inside a block
 * are refused, and so is text around the blocks unless `surroundingText` allows it.
 *
 * @throws ChanceryError `malformed`.
 */
export function decodePem(text: string, label?: string, options: PemOptions = {}): PemBlock[] {
  if (text.length > maxTextLength) throw bad(`longer than ${maxTextLength} characters`);
  const blocks: PemBlock[] = [];
  let open: { label: string; lines: string[] } | undefined;
  for (const raw of text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)) {
    const line = raw.trimEnd();
    const boundary = /^-----(BEGIN|END) ([!-,.-~](?:[- ]?[!-,.-~])*)-----$/.exec(line);
    const name = boundary?.[2];
    if (name !== undefined && boundary?.[1] === 'BEGIN') {
      if (open !== undefined) throw bad(`${open.label} is not ended`);
      open = { label: name, lines: [] };
    } else if (name !== undefined) {
      if (open?.label !== name) throw bad(`END ${name} without its BEGIN`);
      const der = decodeBase64(open.lines.join(''), name);
      blocks.push({ label: canonicalLabel(name), der });
      open = undefined;
    } else if (open !== undefined) {
      open.lines.push(line.replace(/[ \t\v\f]/g, ''));
    } else if (line !== '' && options.surroundingText !== true) {
      throw bad(`text outside of a block: ${JSON.stringify(line.slice(0, 60))}`);
    }
  }
  if (open !== undefined) throw bad(`${open.label} is not ended`);
  const wanted = label === undefined ? blocks : blocks.filter((block) => block.label === label);
  if (wanted.length === 0) {
    const found = blocks.map((block) => block.label).join(', ');
    const what = label === undefined ? 'no block' : `no block labelled ${label}`;
    throw bad(`${what} in it${found === '' ? '' : `, only ${found}`}`);
  }
  return wanted;
}
