import { escaped, htmlTable, page } from './html.ts';

type Status = 'pass' | 'fail' | 'notApplicable' | 'notYet';

interface Item {
  readonly what: string;
  readonly where: string;
  readonly at?: string;
  readonly value?: string;
}

interface AnswerJson {
  readonly reference: string;
  readonly title: string;
  readonly status: Status;
  readonly evidence: readonly Item[];
  readonly reason: string;
}

/** The REST representation of a report. */
export interface ReportJson {
  readonly id: string;
  readonly publication: string;
  readonly at: string;
  readonly by: string;
  readonly counts: Readonly<Record<Status, number>>;
  readonly previousAt: string | null;
  readonly answers: readonly AnswerJson[];
  readonly changes: readonly {
    readonly reference: string;
    readonly before: Status | null;
    readonly after: Status | null;
    readonly evidenceChanged: boolean;
  }[];
}

const words: Readonly<Record<Status, string>> = {
  pass: 'pass',
  fail: 'fail',
  notApplicable: 'not applicable',
  notYet: 'not yet',
};
const order: readonly Status[] = ['pass', 'fail', 'notYet', 'notApplicable'];
/** A mark beside the colour. */
const marks: Readonly<Record<Status, string>> = {
  pass: '✓',
  fail: '✗',
  notApplicable: '–',
  notYet: '…',
};

const sections: Readonly<Record<string, string>> = {
  '6': 'Protection',
  '7': 'States',
  '8': 'Phases and functions',
  '9': 'Considerations',
};

function counted(report: ReportJson): string {
  return order.map((status) => `${report.counts[status]} ${words[status]}`).join(', ');
}

function wordOf(status: Status | null): string {
  return status === null ? 'not asked' : words[status];
}

/** Changes of status one by one; references that rest on other evidence in one line, for there are many each week. */
function changed(report: ReportJson): readonly string[] {
  const turned = report.changes.filter(({ before, after }) => before !== after);
  const other = report.changes.filter(({ before, after }) => before === after);
  return [
    ...turned.map(
      ({ reference, before, after }) => `${reference}: ${wordOf(before)} → ${wordOf(after)}`,
    ),
    ...(other.length === 0
      ? []
      : [`same answer from other evidence: ${other.map(({ reference }) => reference).join(', ')}`]),
  ];
}

function evidenceLine({ what, where, at, value }: Item): string {
  return [what, value, at]
    .filter((part) => part !== undefined)
    .join(', ')
    .concat(` [${where}]`);
}

/** Control characters of a record must not steer a terminal. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, '□');
}

/** The report for a terminal. */
export function reportText(report: ReportJson): string {
  const lines = [
    `${report.publication}, answered ${report.at} by ${report.by} (report ${report.id})`,
    counted(report),
    '',
  ];
  if (report.previousAt === null) {
    lines.push('The first report: nothing to compare it with.', '');
  } else {
    const changes = changed(report);
    lines.push(`Since ${report.previousAt}: ${changes.length === 0 ? 'no change' : ''}`.trimEnd());
    lines.push(...changes.map((change) => `  ${change}`), '');
  }
  for (const { reference, title, status, evidence, reason } of report.answers) {
    lines.push(`${reference.padEnd(12)} ${words[status].padEnd(14)} ${title}`);
    lines.push(`    ${reason}`);
    lines.push(...evidence.map((item) => `    - ${evidenceLine(item)}`));
  }
  return `${lines.map(plain).join('\n')}\n`;
}

/** The report as one page of HTML. */
export function reportHtml(report: ReportJson): string {
  const strips = Object.entries(sections).map(([number, name]) => {
    const own = report.answers.filter(
      ({ reference }) => reference === number || reference.startsWith(`${number}.`),
    );
    const squares = own.map(
      ({ reference, title, status }) =>
        `<a class="${status}" href="#r${escaped(reference)}" title="${escaped(`${reference} ${title}: ${words[status]}`)}">${marks[status]}</a>`,
    );
    return `<div class="strip" title="${escaped(name)}"><span class="name">${number}</span>${squares.join('')}</div>`;
  });
  const legend = order
    .map(
      (status) =>
        `<span class="badge ${status}">${marks[status]} ${report.counts[status]} ${words[status]}</span>`,
    )
    .join(' ');
  const changes = changed(report);
  const since =
    report.previousAt === null
      ? '<p>The first report: nothing to compare it with.</p>'
      : `<h2>Since ${escaped(report.previousAt)}</h2>${
          changes.length === 0
            ? '<p>No change.</p>'
            : `<ul>${changes.map((change) => `<li>${escaped(change)}</li>`).join('')}</ul>`
        }`;
  const answers = report.answers.map((answer) => {
    const top = sections[answer.reference];
    return `${top === undefined ? '' : `<h2>${escaped(`${answer.reference} ${top}`)}</h2>`}
<div class="answer" id="r${escaped(answer.reference)}">
<h3><span class="badge ${answer.status}">${words[answer.status]}</span> ${escaped(`${answer.reference} ${answer.title}`)}</h3>
<p>${escaped(answer.reason)}</p>
<details><summary>Evidence (${answer.evidence.length})</summary>
${htmlTable(
  ['looked at', 'where', 'at', 'value'],
  answer.evidence.map(({ what, where, at, value }) => [what, where, at ?? '', value ?? '']),
)}
</details>
</div>`;
  });
  return page(
    `${report.publication}: ${report.at}`,
    `<h1>${escaped(report.publication)}</h1>
<p>Answered ${escaped(report.at)} by ${escaped(report.by)}, report ${escaped(report.id)}.</p>
<p>${legend}</p>
${strips.join('\n')}
${since}
${answers.join('\n')}`,
  );
}
