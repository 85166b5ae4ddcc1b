/**
 * A page of the http listener: a path that a function answers, whatever server carries it.
 *
 * The listener has checked Host, Origin and method before it asks; who may see what is the page's own affair. A page
 * never rejects. Only the head of its answer is sent for HEAD.
 */

/** A request for a page. */
export interface PageRequest {
  /** The headers by names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The address of the peer, without a port. */
  readonly address: string;
}

/** The answer of a page. */
export interface PageAnswer {
  readonly status: number;
  /** The media type of the body. */
  readonly type: string;
  readonly body: string | Uint8Array;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers requests for one path. */
export type Page = (request: PageRequest) => Promise<PageAnswer>;

/** The pages of a server by their paths, such as `/healthz`. */
export type Pages = ReadonlyMap<string, Page>;

/** No pages. */
export const NO_PAGES: Pages = new Map();
