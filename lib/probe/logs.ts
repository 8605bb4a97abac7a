import { paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import * as z from 'zod';
import type { Probe } from './probe.ts';

/** One of our events in a function's log. */
export interface LoggedEvent {
  readonly event: string;
  readonly at: number;
  /** The invocation that wrote it; undefined where the log does not tell. */
  readonly requestId: string | undefined;
  readonly workflowId: string | undefined;
  readonly did: string | undefined;
}

const line = z.looseObject({
  event: z.string(),
  workflowId: z.string().optional(),
  did: z.string().optional(),
});

const BEGIN = /^START RequestId: (\S+)/;

/** What a log group's page holds of each line. */
export interface RawLine {
  readonly stream: string;
  readonly at: number;
  readonly text: string;
}

/**
 * Our events among the lines of a log group, in their order. A log stream is of one execution environment, which takes one
 * invocation at a time: a line belongs to the invocation that began last in its stream.
 */
export function eventsOf(lines: readonly RawLine[]): readonly LoggedEvent[] {
  const current = new Map<string, string>();
  return lines.flatMap(({ stream, at, text }) => {
    const begun = BEGIN.exec(text)?.[1];
    if (begun !== undefined) {
      current.set(stream, begun);
      return [];
    }
    const parsed = line.safeParse(jsonOf(text));
    if (!parsed.success) return [];
    const { event, workflowId, did } = parsed.data;
    return [{ event, at, requestId: current.get(stream), workflowId, did }];
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a function has logged since a time (milliseconds since 1970). CloudWatch shows it some seconds later. */
export async function logged(
  { logs }: Probe,
  functionName: string,
  since: number,
): Promise<readonly LoggedEvent[]> {
  const lines: RawLine[] = [];
  const pages = paginateFilterLogEvents(
    { client: logs },
    { logGroupName: `/aws/lambda/${functionName}`, startTime: since },
  );
  for await (const { events = [] } of pages) {
    lines.push(
      ...events.map(({ logStreamName = '', timestamp = 0, message = '' }) => ({
        stream: logStreamName,
        at: timestamp,
        text: message,
      })),
    );
  }
  return eventsOf(lines);
}
