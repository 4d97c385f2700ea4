/**
 * The outer structure of what is linted, or what is wrong with it. Unreadable bytes are a finding of
 * the structure lint, never an exception of the linter.
 */
export function readOrDefect<Fields extends object>(
  read: () => Fields | string,
): { readonly fields: Fields | undefined; readonly defect: string | undefined } {
  let result: Fields | string;
  try {
    result = read();
  } catch (error) {
    result = error instanceof Error ? error.message : 'unreadable';
  }
  return typeof result === 'string'
    ? { fields: undefined, defect: result }
    : { fields: result, defect: undefined };
}
