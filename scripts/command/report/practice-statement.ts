import { escaped, htmlTable, page } from './html.ts';

interface SectionJson {
  readonly title: string;
  readonly paragraphs: readonly string[];
  readonly tables: readonly {
    readonly headings: readonly string[];
    readonly rows: readonly (readonly string[])[];
  }[];
}

/** The REST representation of the practice statement. */
export interface PracticeStatementJson {
  readonly publication: string;
  readonly at: string;
  readonly reviewedAt: string | null;
  readonly reviewedBy: string | null;
  readonly reviewDue: string;
  readonly overdue: boolean;
  readonly sha256: string;
  readonly sections: readonly SectionJson[];
}

const title = 'Key-management practice statement';

function reviewed({ reviewedAt, reviewedBy, reviewDue, overdue }: PracticeStatementJson): string {
  const last =
    reviewedAt === null ? 'Never reviewed.' : `Reviewed ${reviewedAt} by ${reviewedBy ?? ''}.`;
  return `${last} Review ${overdue ? 'OVERDUE since' : 'due'} ${reviewDue}.`;
}

/** Text of a table's cell or a paragraph, with nothing in it that Markdown or a terminal would obey. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, '□').replace(/[\\`*_{}[\]<>|#]/g, '\\$&');
}

export function practiceMarkdown(statement: PracticeStatementJson): string {
  const lines = [
    `# ${title}`,
    '',
    `After ${statement.publication}; generated ${statement.at} from configuration and records.`,
    plain(reviewed(statement)),
    `SHA-256 of its content: ${statement.sha256}`,
  ];
  statement.sections.forEach((section, index) => {
    lines.push('', `## ${index + 1}. ${plain(section.title)}`);
    // The product's own words, in which code is marked.
    for (const paragraph of section.paragraphs) lines.push('', paragraph.replace(/\p{Cc}/gu, '□'));
    for (const { headings, rows } of section.tables) {
      lines.push(
        '',
        `| ${headings.map(plain).join(' | ')} |`,
        `|${' --- |'.repeat(headings.length)}`,
      );
      for (const row of rows) lines.push(`| ${row.map(plain).join(' | ')} |`);
    }
  });
  return `${lines.join('\n')}\n`;
}

export function practiceHtml(statement: PracticeStatementJson): string {
  const badge = statement.overdue
    ? '<span class="badge fail">review overdue</span>'
    : '<span class="badge pass">reviewed</span>';
  const sections = statement.sections.map(
    (section, index) => `<h2>${index + 1}. ${escaped(section.title)}</h2>
${section.paragraphs.map((paragraph) => `<p>${escaped(paragraph)}</p>`).join('\n')}
${section.tables.map(({ headings, rows }) => htmlTable(headings, rows)).join('\n')}`,
  );
  return page(
    title,
    `<h1>${title}</h1>
<p>After ${escaped(statement.publication)}; generated ${escaped(statement.at)} from configuration and records.</p>
<p>${badge} ${escaped(reviewed(statement))}</p>
<p>SHA-256 of its content: <code>${escaped(statement.sha256)}</code></p>
${sections.join('\n')}`,
  );
}
