/**
 * What comes in at a door, checked: the value, or one `invalid_input` that names each field and what is wrong with it,
 * in TTAI's own words at every door. What a schema says itself (`must be …`) stands as it is. Not for what other errors
 * look like (`errors.ts`).
 */
import type { z } from 'zod';
import { TtaiError } from '../actors/runtime/errors.ts';

const wholeInput = '(whole input)';
const maxIssues = 10;
const maxIssueLength = 200;

/** The input as the schema has it. Throws `invalid_input`. */
export function checkInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input, { error: inWords });
  if (parsed.success) return parsed.data;
  throw invalidInput(parsed.error.issues);
}

/** The error that names each field and what is wrong with it, for what no schema can see too. */
export function invalidInput(all: readonly { path: readonly PropertyKey[]; message: string }[]): TtaiError {
  const shown = all.slice(0, maxIssues);
  const issues = shown.map(({ path, message }) => ({
    field: path.map(String).join('.') || wholeInput,
    // A message may quote a key of the input, which can be of any length.
    message: message.slice(0, maxIssueLength),
  }));
  const words = issues.map(({ message }, index) => {
    const place = placeOf(shown[index]?.path ?? []);
    return place === '' ? message : `${place}: ${message}`;
  });
  const more = all.length > shown.length ? `; and ${all.length - shown.length} more` : '';
  const said = `${words.join('; ')}${more}`;
  // What has no place is a sentence of its own.
  const message = shown.some(({ path }) => path.length > 0)
    ? `The input does not fit. ${said}`
    : `${said.charAt(0).toUpperCase()}${said.slice(1)}.`;
  return new TtaiError('invalid_input', message, {
    details: { issues },
  });
}

/** Where an issue is, in words: items of a list as a person counts them. Empty for the input as a whole. */
function placeOf(path: readonly PropertyKey[]): string {
  let place = '';
  path.forEach((part, index) => {
    if (typeof part === 'number') place += `${index === 0 ? '' : ', '}item ${part + 1}`;
    else place += `${index === 0 ? '' : typeof path[index - 1] === 'number' ? ', ' : '.'}${String(part)}`;
  });
  return place;
}

type Issue = Parameters<z.core.$ZodErrorMap>[0];

const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};
const formats: Readonly<Record<string, string>> = {
  uuid: 'an id such as 3f2b8c1e-8d5a-4c55-9c0e-2f6f5f1f7a10',
  date: 'a date such as 2026-12-18',
  datetime: 'a time such as 2026-12-18T15:00:00Z',
  url: 'an address such as https://example.com/path',
};

/** What is wrong, for what the schema itself has no words. */
function inWords(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing';
      return `must be ${nouns[issue.expected] ?? issue.expected}, not ${kindOf(issue.input)}`;
    case 'too_small':
      return bounded(issue.origin, issue.minimum, issue.inclusive !== false, 'at least', 'more than');
    case 'too_big':
      return bounded(issue.origin, issue.maximum, issue.inclusive !== false, 'at most', 'less than');
    case 'invalid_format':
      return `must be ${formats[issue.format] ?? `of the form ${issue.pattern ?? issue.format}`}`;
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return `unknown ${issue.keys.length === 1 ? 'field' : 'fields'} ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}${knownFields(issue)}`;
    case 'invalid_union':
      return Array.isArray(issue.options)
        ? `must be one of ${issue.options.map(String).join(', ')}`
        : 'is of no kind that fits here';
    case 'invalid_key':
      return 'has a name that does not fit';
    default:
      return undefined;
  }
}

function bounded(
  origin: string,
  bound: number | bigint,
  isInclusive: boolean,
  inclusive: string,
  exclusive: string,
): string {
  const one = Number(bound) === 1;
  if (origin === 'string') {
    if (one && inclusive === 'at least') return 'must not be empty';
    return `must have ${inclusive} ${bound} ${one ? 'character' : 'characters'}`;
  }
  if (origin === 'array' || origin === 'set')
    return `must have ${inclusive} ${bound} ${one ? 'item' : 'items'}`;
  return `must be ${isInclusive ? inclusive : exclusive} ${bound}`;
}

/** The fields that there are, where the schema can be asked. */
function knownFields({ inst }: Issue): string {
  const shape = (inst?._zod.def as { shape?: object } | undefined)?.shape;
  const names = Object.keys(shape ?? {});
  return names.length === 0 ? '' : `; there are ${names.join(', ')}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return Number.isFinite(value) ? `${value}` : 'a number without end';
  return nouns[typeof value] ?? typeof value;
}
