import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { ChanceryError } from '../../domain/index.ts';
import { sha256 } from '../octets.ts';
import { type CeremonyDeclaration, ceremonyKinds, declarationSchema } from './declaration.ts';
import { samePerson } from './people.ts';

/** A ceremony's file as it was read. */
export interface CeremonyFile {
  readonly declaration: CeremonyDeclaration;
  readonly octets: Uint8Array;
  /** Of the octets, lower-case hex. */
  readonly sha256: string;
}

type Path = readonly PropertyKey[];

/** What no ceremony needs, and what a person could not read aloud. */
const largestFile = 64 * 1024;

/**
 * Reads a ceremony's file (YAML 1.2, UTF-8). Unknown keys, duplicate keys and aliases are errors.
 *
 * @param sourceName for messages; nothing is read from it
 * @throws ChanceryError `configuration` that names file and line
 */
export function parseCeremony(octets: Uint8Array, sourceName: string): CeremonyFile {
  const lines = new LineCounter();
  if (octets.length > largestFile) {
    throw fault(sourceName, undefined, `it is larger than ${largestFile} octets`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch (error) {
    throw fault(sourceName, undefined, 'it is not UTF-8 text', error);
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    stringKeys: true,
    strict: true,
  });
  const lineOf = (path: Path): number | undefined => {
    for (let length = path.length; length > 0; length -= 1) {
      const node = document.getIn(path.slice(0, length), true) as { range?: [number] } | undefined;
      const offset = node?.range?.[0];
      if (offset !== undefined) return lines.linePos(offset).line;
    }
    return undefined;
  };
  const syntax = document.errors[0] ?? document.warnings[0];
  if (syntax !== undefined) {
    throw fault(
      sourceName,
      lines.linePos(syntax.pos[0]).line,
      syntax.message.split('\n')[0] ?? 'not YAML',
    );
  }
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw fault(sourceName, undefined, 'aliases are not allowed; write the value out', error);
  }
  const parsed = declarationSchema.safeParse(content);
  if (!parsed.success) {
    throw explained(parsed.error.issues, sourceName, lineOf);
  }
  const problem = contradiction(parsed.data);
  if (problem !== undefined) {
    throw fault(sourceName, lineOf(problem.path), problem.message);
  }
  return { declaration: parsed.data, octets, sha256: sha256(octets) };
}

function explained(
  issues: readonly z.core.$ZodIssue[],
  sourceName: string,
  lineOf: (path: Path) => number | undefined,
): ChanceryError {
  // An unknown key first: it also explains why the key that was meant is missing.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (issue === undefined) return fault(sourceName, undefined, 'it is no ceremony');
  const where = issue.path.length === 0 ? '' : ` in ${issue.path.join('.')}`;
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    return fault(sourceName, lineOf([...issue.path, key]), `unknown key ${key}${where}`);
  }
  if (issue.code === 'invalid_union' && issue.path.at(-1) === 'ceremony') {
    const kinds = ceremonyKinds.join(', ');
    return fault(sourceName, lineOf(issue.path), `ceremony: must be one of ${kinds}`);
  }
  const place = issue.path.join('.') || 'the ceremony';
  return fault(sourceName, lineOf(issue.path), `${place}: ${issue.message}`);
}

/** What no schema says: members that exclude each other, and people in two parts. */
function contradiction(
  declaration: CeremonyDeclaration,
): { readonly path: Path; readonly message: string } | undefined {
  const { participants, between } = declaration;
  const custodians = participants.custodians.map(({ name }) => name);
  const witnesses = participants.witnesses.map(({ name }) => name);
  const everybody = [...custodians, ...witnesses];
  const twice = everybody.find((one, index) =>
    everybody.slice(index + 1).some((other) => samePerson(one, other)),
  );
  if (twice !== undefined) {
    return {
      path: ['participants'],
      message: `participants: ${twice} stands there twice; custodians and witnesses are different people, each named once (SP 800-57 Part 1 §9.1)`,
    };
  }
  if (between !== undefined && Date.parse(between.from) >= Date.parse(between.until)) {
    return { path: ['between'], message: 'between: it ends before it begins' };
  }
  if (declaration.ceremony === 'intermediate') {
    const { issuer, request } = declaration;
    if ((issuer === undefined) === (request === undefined)) {
      return {
        path: ['by'],
        message:
          'an intermediate has either issuer (a CA of this installation) or request (the CSR of another machine)',
      };
    }
  }
  if (declaration.ceremony === 'rollover') {
    const { issuer, activate, crl } = declaration;
    if ((issuer === undefined) === (activate === undefined)) {
      const message = 'a rollover has either issuer (it is prepared) or activate (it begins)';
      return { path: ['by'], message };
    }
    if ((crl === undefined) !== (activate === undefined)) {
      const message = 'crl belongs to activate: a prepared issuer has no CRL yet';
      return { path: [crl === undefined ? 'activate' : 'crl'], message };
    }
  }
  return undefined;
}

function fault(
  sourceName: string,
  line: number | undefined,
  message: string,
  cause?: unknown,
): ChanceryError {
  const where = line === undefined ? sourceName : `${sourceName}:${line}`;
  return new ChanceryError('configuration', { message: `${where}: ${message}`, cause });
}
