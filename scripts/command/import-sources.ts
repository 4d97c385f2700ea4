import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CommandError } from './exit.ts';
import { type IndexLine, readIndex } from './openssl-index.ts';

/** An entry as REST takes it. */
export interface ImportEntry {
  readonly reference: string;
  readonly certificate?: string | undefined;
  readonly known?: Pick<IndexLine, 'serialNumber' | 'subject' | 'notAfter'> | undefined;
  readonly revocation?: IndexLine['revocation'];
}

/** Larger files are none of a certificate. */
const largestFile = 16 * 1024 * 1024;
/** What folders of CAs hold beside certificates. */
const otherFiles =
  /\.(key|csr|req|crl|cnf|conf|txt|old|attr|srl|pfx|p12|jks|md)$|^(serial|crlnumber|index.*)$/i;

/**
 * Everything that the paths and the index name, one after the other, with what the index says of each.
 * A file in which no certificate is found comes as an entry without one: the report names it.
 */
export function* importEntries(
  paths: readonly string[],
  indexFile: string | undefined,
): Generator<ImportEntry> {
  const lines = new Map<string, IndexLine>();
  if (indexFile !== undefined) {
    for (const line of readIndex(read(indexFile).toString('utf8'), indexFile)) {
      lines.set(line.serialNumber, line);
    }
  }
  const besideIndex = indexFile === undefined ? undefined : join(dirname(indexFile), 'newcerts');
  const places =
    paths.length > 0 ? paths : besideIndex && existsSync(besideIndex) ? [besideIndex] : [];
  for (const file of places.flatMap(filesOf)) {
    for (const { reference, der } of certificatesOf(file)) {
      if (der === undefined) {
        yield { reference };
        continue;
      }
      const line = lineOf(der, lines);
      if (line !== undefined) lines.delete(line.serialNumber);
      const certificate = der.toString('base64');
      yield { reference, certificate, revocation: line?.revocation };
    }
  }
  for (const { line, serialNumber, subject, notAfter, revocation } of lines.values()) {
    const known = { serialNumber, subject, notAfter };
    yield { reference: `${indexFile ?? ''}:${line}`, known, revocation };
  }
}

function filesOf(path: string): readonly string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new CommandError(`${path} does not exist`);
  if (!found.isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('.') && !otherFiles.test(entry.name))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() || entry.isFile() ? filesOf(join(path, entry.name)) : [],
    );
}

/** PEM blocks of certificates among whatever text, or the file as DER. */
function* certificatesOf(
  file: string,
): Generator<{ readonly reference: string; readonly der?: Buffer }> {
  const content = read(file);
  if (content.length > 0 && content[0] === 0x30) {
    yield { reference: file, der: content };
    return;
  }
  const block = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----([^-]*)-----END/g;
  let count = 0;
  for (const [, body = ''] of content.toString('latin1').matchAll(block)) {
    count += 1;
    const der = Buffer.from(body.replace(/\s/g, ''), 'base64');
    yield { reference: count === 1 ? file : `${file}#${count}`, der };
  }
  if (count === 0) yield { reference: file };
}

/**
 * What the index says of this certificate: its serial number and its end must agree, since another CA
 * may have given the same small serial number.
 */
function lineOf(der: Buffer, lines: ReadonlyMap<string, IndexLine>): IndexLine | undefined {
  try {
    const { serialNumber, validTo } = new X509Certificate(der);
    const line = lines.get(serialNumber.toLowerCase().replace(/^0+/, ''));
    return line !== undefined && Date.parse(line.notAfter) === Date.parse(validTo)
      ? line
      : undefined;
  } catch {
    return undefined;
  }
}

function read(file: string): Buffer {
  try {
    if (statSync(file).size > largestFile) throw new Error('it is larger than 16 MiB');
    return readFileSync(file);
  } catch (error) {
    throw new CommandError(
      `${file} can't be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
