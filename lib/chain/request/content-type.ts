const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const PARAMETER = `[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|"[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*")`;
/** RFC 9110, 8.3.1. */
const CONTENT_TYPE = new RegExp(`^(${TOKEN}/${TOKEN})((?:${PARAMETER})*)$`);
const CHARSET = /;[ \t]*charset="?([^";]+)/i;

/** What a content type must agree with. */
export interface Content {
  /** As an error names it: `a form`. */
  readonly kind: string;
  /** @param essence `type/subtype` in lower case, without parameters */
  agrees(essence: string): boolean;
}

/** What is wrong with a content type: it is none, or it is not that of the content, or not UTF-8, in which every body is sent. */
export function contentTypeProblem(text: unknown, content?: Content): string | undefined {
  const [, essence, parameters = ''] = typeof text === 'string' ? (CONTENT_TYPE.exec(text) ?? []) : [];
  if (essence === undefined) return 'is no content type such as "application/xml"';
  if (content?.agrees(essence.toLowerCase()) === false) {
    return `contradicts the body, which is ${content.kind}; leave the header out`;
  }
  const charset = CHARSET.exec(parameters)?.[1] ?? 'utf-8';
  return charset.trim().toLowerCase() === 'utf-8'
    ? undefined
    : 'contradicts the body, which is sent in UTF-8';
}
