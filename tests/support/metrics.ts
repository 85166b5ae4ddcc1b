/**
 * Metrics as a scraper gets them: asked for over HTTP, and taken apart.
 */
import type { TestServer } from "./server.ts";

/** The metrics of one scrape. */
export class Scraped {
  /** The values by series, as they are written: `parley_topic_events_total{topic="a"}`. */
  readonly series: ReadonlyMap<string, number>;

  constructor(readonly text: string) {
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    this.series = new Map(lines.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }));
    if (this.series.size !== lines.length) throw new Error("a series is there twice");
  }

  /** The value of a series; it has to be there. */
  of(series: string): number {
    const value = this.series.get(series);
    if (value === undefined) throw new Error(`there is no series ${series}`);
    return value;
  }

  /** The names of all series, without labels. */
  get names(): ReadonlySet<string> {
    return new Set([...this.series.keys()].map((series) => series.replace(/\{.*/s, "")));
  }
}

/** The URL of a page of a server. */
export function pageUrl(server: TestServer, path: string): string {
  return `http://127.0.0.1:${server.port("ws")}${path}`;
}

/** Scrapes a server. */
export async function scrape(server: TestServer): Promise<Scraped> {
  const response = await fetch(pageUrl(server, "/metrics"));
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  return new Scraped(text);
}
