/**
 * One record of CSV (RFC 4180 §2): fields by commas, ended by CRLF; what holds a comma, a quote or a
 * line end stands in quotes, quotes doubled.
 *
 * Spreadsheets take a field that begins with = + - @ (or a tab or carriage return) for a formula; a
 * requester chooses names, so such a field gets an apostrophe in front, which they show as text.
 */
export function csvRecord(fields: readonly string[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

function csvField(value: string): string {
  const harmless = /^[\s\u00a0\ufeff]*[=+\-@\t\r]|^[\uff1d\uff0b\uff0d\uff20]/.test(value)
    ? `'${value}`
    : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
