/** What every call of the API throws: a problem of the server, or the network's (status 0, slug `network`). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly slug: string;
  readonly status: number;
  readonly title: string;
  readonly requestId: string;
  readonly fields: { location: string; message: string }[];
  /** Members of the problem beyond the standard ones: permission, retry_at, limit, current … */
  readonly extra: Record<string, unknown>;
  /** Seconds, from Retry-After. */
  readonly retryAfter: number;

  constructor(status: number, body: unknown, response?: Response) {
    const problem = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
    const text = (key: string) => (typeof problem[key] === 'string' ? (problem[key] as string) : '');
    const slug = text('type').split(':').pop() ?? '';
    super(text('detail') || text('title') || slug || `HTTP ${status}`);
    this.status = status;
    this.slug = slug || (status === 0 ? 'network' : `http-${status}`);
    this.title = text('title');
    this.requestId = text('request_id') || (response?.headers.get('X-Request-Id') ?? '');
    this.fields = Array.isArray(problem.errors)
      ? (problem.errors as { location: string; message: string }[])
      : [];
    this.extra = problem;
    this.retryAfter = Number(response?.headers.get('Retry-After') ?? 0) || 0;
  }
}

export function isProblem(error: unknown, ...slugs: string[]): error is ApiError {
  return error instanceof ApiError && (slugs.length === 0 || slugs.includes(error.slug));
}
