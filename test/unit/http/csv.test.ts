import { describe, expect, test } from 'vitest';
import { csvRecord } from '../../../src/http/csv.ts';

describe('CSV', () => {
  test('is as RFC 4180 §2 has it: CRLF, quotes around commas, quotes and line ends, quotes doubled', () => {
    expect(csvRecord(['a', '', 'b,c', 'say "hi"', 'two\r\nlines'])).toBe(
      'a,,"b,c","say ""hi""","two\r\nlines"\r\n',
    );
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '＝1', '="a,b"'])(
    'a field that a spreadsheet would take for a formula does not begin so: %j',
    (field) => {
      const [, shown = ''] = /^"?(.)/s.exec(csvRecord([field])) ?? [];
      expect(shown).toBe("'");
    },
  );

  test('leaves alone what only holds such a sign', () => {
    expect(csvRecord(['CN=a+b', 'a-b', 'a@b.example'])).toBe('CN=a+b,a-b,a@b.example\r\n');
  });
});
