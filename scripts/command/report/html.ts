/** Text as content or attribute value of HTML; control characters, which XML can't hold, are shown as boxes. */
export function escaped(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g, '□')
      .replace(/\p{Cs}/gu, '□')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;')
      .replace(/'/g, '&#39;')
  );
}

const style = `
:root { color-scheme: light dark; --pass: #1a7f37; --fail: #b42318; --notYet: #9a6700; --notApplicable: #6e7781; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin: 0; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0 1rem; font-size: .9rem; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.strip { display: flex; align-items: center; gap: 3px; margin: .35rem 0; flex-wrap: wrap; }
.strip .name { width: 3rem; font-weight: 600; }
.strip a { display: inline-block; width: 1.35rem; height: 1.35rem; line-height: 1.35rem; border-radius: 3px; color: #fff; text-align: center; text-decoration: none; font-size: .75rem; }
.pass { background: var(--pass); } .fail { background: var(--fail); } .notYet { background: var(--notYet); } .notApplicable { background: var(--notApplicable); }
.badge { color: #fff; border-radius: 3px; padding: .05rem .45rem; font-size: .8rem; white-space: nowrap; }
.answer { border-top: 1px solid #8884; padding: .7rem 0; } .answer p { margin: .3rem 0; }
summary { cursor: pointer; font-size: .9rem; }
@media print { details > * { display: block; } }
`;

/** A page that needs nothing beside itself; well-formed as XML too. */
export function page(title: string, body: string): string {
  return `<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

/** Rows under headings. */
export function htmlTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const cells = (tag: 'th' | 'td', row: readonly string[]): string =>
    `<tr>${row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table><thead>${cells('th', headings)}</thead><tbody>${rows.map((row) => cells('td', row)).join('\n')}</tbody></table>`;
}
