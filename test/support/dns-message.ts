/** The little of RFC 1035 messages that a DNS server for tests reads and writes. */
import { parseIpAddress } from '../../src/pkix/index.ts';

export const dnsTypes = { A: 1, CNAME: 5, TXT: 16, AAAA: 28 } as const;
export type DnsType = keyof typeof dnsTypes;

/** One value: a TXT record may consist of several strings. */
export type DnsValue = string | readonly string[];

export interface DnsQuestion {
  readonly id: number;
  /** As it was asked, without the last dot. */
  readonly name: string;
  readonly type: DnsType | `TYPE${number}`;
  /** The question section as it came, to be sent back. */
  readonly section: Buffer;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: DnsType;
  readonly value: DnsValue;
}

export const dnsCodes = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
export type DnsCode = keyof typeof dnsCodes;

/** Reads a query of one question; undefined for anything else. */
export function readQuestion(message: Buffer): DnsQuestion | undefined {
  if (message.length < 17 || message.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length !== 0; length = message[at] ?? 0) {
    if (length > 63 || at + length + 5 >= message.length) return undefined;
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  if (at + 5 > message.length) return undefined;
  const code = message.readUInt16BE(at + 1);
  const known = Object.entries(dnsTypes).find(([, number]) => number === code)?.[0];
  return {
    id: message.readUInt16BE(0),
    name: labels.join('.'),
    type: (known as DnsType | undefined) ?? `TYPE${code}`,
    section: message.subarray(12, at + 5),
  };
}

/** An answer to a question; `truncated` leaves the records out and sets TC. */
export function writeAnswer(
  question: DnsQuestion,
  code: DnsCode,
  records: readonly DnsRecord[],
  truncated = false,
): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(question.id, 0);
  // A response, authoritative, recursion desired and available.
  head.writeUInt16BE(0x8580 | (truncated ? 0x0200 : 0) | dnsCodes[code], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(truncated ? 0 : records.length, 6);
  return Buffer.concat([head, question.section, ...(truncated ? [] : records.map(writeRecord))]);
}

function writeRecord({ name, type, value }: DnsRecord): Buffer {
  const data = writeData(type, value);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(dnsTypes[type], 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(0, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([writeName(name), fixed, data]);
}

function writeData(type: DnsType, value: DnsValue): Buffer {
  const strings = typeof value === 'string' ? [value] : value;
  if (type === 'TXT') return Buffer.concat(strings.map(characterString));
  const [text = ''] = strings;
  return type === 'CNAME' ? writeName(text) : Buffer.from(parseIpAddress(text));
}

function characterString(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

function writeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([...labels.map(characterString), Buffer.of(0)]);
}
