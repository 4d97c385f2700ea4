import type { Violation } from '../domain/index.ts';

/** One broken rule. The value shown is cut: it comes from the requester and goes into logs and answers. */
export function violation(
  rule: string,
  field: string,
  message: string,
  clause: string,
  more: { readonly value?: string | undefined; readonly mend?: string | undefined } = {},
): Violation {
  return {
    rule,
    field,
    message,
    clause,
    ...(more.value === undefined ? {} : { value: printable(more.value) }),
    ...(more.mend === undefined ? {} : { mend: more.mend }),
  };
}

/** Requester's text as it may stand in a message: one line, no invisible characters, at most 120 characters. */
export function printable(text: string): string {
  const cut = text.length > 120 ? `${text.slice(0, 119)}…` : text;
  return cut.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/**
 * Characters that no name may carry: controls, line and paragraph separators, invisible
 * formatting (bidirectional overrides make a name read as another), unpaired surrogates.
 */
export const hiddenCharacter = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
